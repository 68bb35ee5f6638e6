import type { MonitorContext } from '../monitor-context.ts'
import type { SegmentFetch, StreamSegment } from '../stream.ts'
import { fetchInTime } from './fetch-in-time.ts'
import { findNoMedia, toNoMediaFailure } from './no-media.ts'

const UNUSABLE: SegmentFetch = {
  kind: 'failed',
  failure: { message: 'the reference of the segment cannot be used', status: null, isFinal: true },
}

/** Fetches a segment in one attempt. An answer without media is a failure: it comes before the segment is there. */
export async function fetchMedia(segment: StreamSegment, context: MonitorContext): Promise<SegmentFetch> {
  if (segment.isUnusable === true) return UNUSABLE
  const fetched = await fetchInTime(segment, context)
  const problem = fetched.kind === 'ok' ? findNoMedia(fetched.bytes) : null
  return problem === null ? fetched : toNoMediaFailure(problem)
}
