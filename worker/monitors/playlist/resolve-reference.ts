import type { PlaylistDraft } from './playlist-draft.ts'
import { isAbsoluteReference, resolveHttpUrl } from './playlist-numbers.ts'
import { replaceVariables } from './playlist-variables.ts'

/** Limit of what references and variables add to a playlist, in UTF-16 units: a short line can stand for a long URL. */
const MAX_ADDED_LENGTH = 16 * 1024 * 1024

/**
 * Limit of the URLs against which a playlist's references are resolved, in UTF-16 units: each is read anew for every
 * reference. A day of segments of 2 s that all have their key stays below it with a URL of 1 kB.
 */
const MAX_BASE_LENGTH = 128 * 1024 * 1024

/** Counts what a line has added to the text. Returns whether the playlist stays within its limit. */
export function growsBy(draft: PlaylistDraft, length: number): boolean {
  draft.addedLength += Math.max(0, length)
  return draft.addedLength <= MAX_ADDED_LENGTH
}

/** Resolves a reference of a playlist, which counts what it adds to the text; `null` where it cannot be used. */
export function resolveReference(draft: PlaylistDraft, reference: string, length = reference.length): string | null {
  const isRelative = !isAbsoluteReference(reference)
  if (isRelative) draft.baseLength += draft.origin.url.length
  if (draft.addedLength > MAX_ADDED_LENGTH || (isRelative && draft.baseLength > MAX_BASE_LENGTH)) return null
  const url = resolveHttpUrl(reference, draft.origin.url)
  return url !== null && growsBy(draft, url.length - length) ? url : null
}

/** Resolves a line that is a reference, perhaps with variables; `null` where it cannot be used. */
export function resolveLine(draft: PlaylistDraft, line: string): string | null {
  const reference = replaceVariables(line, draft.variables)
  return reference === null ? null : resolveReference(draft, reference, line.length)
}
