import type { FailedSegmentFetch } from '../stream.ts'

/** Beginnings of answers that are a text of the server: a page, an error of a store, a playlist. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^\s*<(?:!doctype|html|head|body|\?xml|error)\b/i, 'segment is a page, not media'],
  [/^\s*#EXTM3U/, 'segment is a playlist, not media'],
]
const READ_BYTES = 200

/** Returns why bytes are no media; `null` where they may be. */
export function findNoMedia(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return 'segment is empty'
  const start = Buffer.from(bytes.subarray(0, READ_BYTES))
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
  return TEXTS.find(([pattern]) => pattern.test(start))?.[1] ?? null
}

/** Returns the failure of a segment whose answer is no media. */
export function toNoMediaFailure(problem: string): FailedSegmentFetch {
  return { kind: 'failed', failure: { message: problem, status: null, isNoMedia: true } }
}
