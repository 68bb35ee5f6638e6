import { encodeFrame } from '../../http/event-stream.ts'

/** An entry as it is sent, encoded once for all readers. */
export type EncodedEntry = {
  readonly seq: number
  readonly json: string
  readonly isTip: boolean
  /** It deletes messages. */
  readonly isDeletion: boolean
}

/** Entries that are sent together. Each encoding is made once, when the first reader needs it. */
export type ChatFrame = {
  readonly entries: readonly EncodedEntry[]
  /** Numbers of its oldest and its newest entry. */
  readonly firstSeq: number
  readonly lastSeq: number
  /** One entry, or an array of them, as JSON. */
  text(): string
  /** Its tips in the same form; `null` where it has none. */
  tips(): string | null
  /** All of it as bytes. */
  json(): Uint8Array
  /** The same as a server-sent event, whose id is the number of the newest entry. */
  event(): Uint8Array
}

const encoder = new TextEncoder()

/** Returns the frame of entries, of which there is at least one. */
export function buildFrame(entries: readonly EncodedEntry[]): ChatFrame {
  const [first, last] = [entries[0], entries.at(-1)]
  if (first === undefined || last === undefined) throw new Error('a frame has no entry')
  const toText = once(() => joinEntries(entries))
  return {
    entries,
    firstSeq: first.seq,
    lastSeq: last.seq,
    text: toText,
    tips: once(() => {
      const tips = entries.filter(({ isTip }) => isTip)
      return tips.length === 0 ? null : joinEntries(tips)
    }),
    json: once(() => encoder.encode(toText())),
    event: once(() => encodeFrame({ id: last.seq, event: 'message', data: toText() })),
  }
}

/** Returns one entry, or an array of several. */
function joinEntries(entries: readonly EncodedEntry[]): string {
  const texts = entries.map(({ json }) => json).join(',')
  return entries.length === 1 ? texts : `[${texts}]`
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | null = null
  return () => (made ??= { value: make() }).value
}

/** Returns what a reader who has seen all up to a number still lacks of a frame; `null`: nothing. */
export function framePast(frame: ChatFrame, seenSeq: number): ChatFrame | null {
  if (frame.firstSeq > seenSeq) return frame
  const entries = frame.entries.filter(({ seq }) => seq > seenSeq)
  return entries.length === 0 ? null : buildFrame(entries)
}
