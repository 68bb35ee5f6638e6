import type { EncodedEntry } from './frame.ts'

/** The newest entries of a room, for readers that come back. */
export type RecentEntries = {
  /** Adds entries that follow those that are kept. A deletion empties the record: it may hold the text of what is deleted. */
  add(entries: readonly EncodedEntry[]): void
  /** Returns what follows a number; `null` where it is not kept any more. */
  after(seq: number): readonly EncodedEntry[] | null
}

const MAX_ENTRIES = 5000
const MAX_CHARACTERS = 1_000_000

/** Creates the record of a room whose newest entry is `seq`. The oldest entries leave it first. */
export function createRecentEntries(seq: number): RecentEntries {
  let kept: EncodedEntry[] = []
  let characters = 0
  let oldest = seq + 1
  return {
    add(entries) {
      const deletedAt = entries.findLastIndex(({ isDeletion }) => isDeletion)
      if (deletedAt >= 0) {
        kept = []
        characters = 0
        oldest = (entries[deletedAt]?.seq ?? 0) + 1
      }
      const added = entries.slice(deletedAt + 1)
      kept.push(...added)
      characters += sizeOf(added)
      if (kept.length <= MAX_ENTRIES && characters <= MAX_CHARACTERS) return
      // A half at once, so that the list is seldom copied.
      const dropped = kept.slice(0, Math.ceil(kept.length / 2))
      kept = kept.slice(dropped.length)
      characters -= sizeOf(dropped)
      oldest = kept[0]?.seq ?? oldest
    },
    after(afterSeq) {
      if (afterSeq + 1 < oldest) return null
      const from = kept.findIndex((entry) => entry.seq > afterSeq)
      return from < 0 ? [] : kept.slice(from)
    },
  }
}

function sizeOf(entries: readonly EncodedEntry[]): number {
  return entries.reduce((sum, { json }) => sum + json.length, 0)
}
