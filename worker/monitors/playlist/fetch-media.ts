import type { MonitorContext } from '../monitor-context.ts'
import type { SegmentFetch, StreamSegment } from '../stream.ts'
import { fetchInTime } from './fetch-in-time.ts'

/** Beginnings of answers that are a text of the server: a page, an error of a store, a playlist. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^\s*<(?:!doctype|html|head|body|\?xml|error)\b/i, 'segment is a page, not media'],
  [/^\s*#EXTM3U/, 'segment is a playlist, not media'],
]
const READ_BYTES = 200

/** Fetches a segment in one attempt. An answer without media is a failure: it comes before the segment is there. */
export async function fetchMedia(segment: StreamSegment, context: MonitorContext): Promise<SegmentFetch> {
  const fetched = await fetchInTime(segment, context)
  const problem = fetched.kind === 'ok' ? findNoMedia(fetched.bytes) : null
  if (problem === null) return fetched
  return { kind: 'failed', failure: { message: problem, status: null, isNoMedia: true } }
}

/** Returns why bytes are no media; `null` where they may be. */
function findNoMedia(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return 'segment is empty'
  const start = Buffer.from(bytes.subarray(0, READ_BYTES))
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
  return TEXTS.find(([pattern]) => pattern.test(start))?.[1] ?? null
}
