import { requireBoxBody } from '../../media/mp4/boxes.ts'
import { readTrackFragment } from '../../media/mp4/track-fragment.ts'

/** Composition times of a fragment's samples, before the edit list, in units of the track's timescale. */
export type FragmentSpan = { readonly start: number; readonly end: number }

/**
 * Reads the span of a movie fragment (the body of a moof box): from the earliest sample to the end of the latest.
 * @throws RangeError where it has no sample or is truncated
 */
export function readFragmentSpan(moof: Buffer, trackSampleDuration: number): FragmentSpan {
  const fragment = readTrackFragment(requireBoxBody(moof, 'traf'), { duration: trackSampleDuration, flags: 0 })
  let decodeTime = fragment.decodeTime
  let start = Infinity
  let end = -Infinity
  for (const sample of fragment.samples) {
    start = Math.min(start, decodeTime + sample.compositionOffset)
    decodeTime += sample.duration
    end = Math.max(end, decodeTime + sample.compositionOffset)
  }
  if (start >= end) throw new RangeError('has no sample')
  return { start, end }
}
