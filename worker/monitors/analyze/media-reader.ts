import { demuxSegment, type MediaSegment } from '../../media/demux/demux-segment.ts'
import type { DemuxedSegment } from '../../media/demux/media-packet.ts'
import type { TransportContext } from '../../media/demux/transport-stream.ts'
import { createSegmentClock } from './segment-clock.ts'
import { computeLengthSec, measureDuration, measureSegment, type TrackExtents } from './track-extents.ts'

/** A segment's bytes and what the playlist says of them. */
export type FetchedSegment = MediaSegment & {
  /** Its duration in the playlist. */
  readonly durationSec: number
  /** It goes on beyond its bytes: what they hold stands for the rest. */
  readonly isTruncated: boolean
}

/** A segment whose packets are known and measured. */
export type MeasuredMedia = {
  readonly kind: 'measured'
  readonly media: DemuxedSegment
  readonly extents: TrackExtents
  readonly durationSec: number
  /** By its timestamps it directly follows the segment that was read before it. */
  readonly follows: boolean
}
export type UnreadableMedia = { readonly kind: 'failed'; readonly error: string }

/** Reads the segments of one rendition in order. */
export type MediaReader = {
  read(segment: FetchedSegment): MeasuredMedia | UnreadableMedia
  /** Notes that the next segment does not follow the last one. */
  interrupt(): void
}

/** A segment with less than this share of its duration was cut off in transit. */
const MIN_PRESENT_SHARE = 0.5
const MAX_DURATION_SEC = 3600

/** Creates a reader. A short segment counts as cut if its last unit is incomplete; otherwise the playlist is wrong. */
export function createMediaReader(): MediaReader {
  const clock = createSegmentClock()
  let context: TransportContext | null = null

  function read(segment: FetchedSegment): MeasuredMedia | UnreadableMedia {
    const { durationSec: playlistSec, isTruncated } = segment
    const demuxed = demuxSegment(segment, context)
    if (demuxed.kind === 'other') return { kind: 'failed', error: demuxed.problem }
    context = demuxed.context ?? context
    const { media } = demuxed
    const extents = measureSegment(media, playlistSec)
    if (extents === null) return { kind: 'failed', error: 'segment holds neither picture nor sound' }
    const presentSec = computeLengthSec(extents.picture)
    const measuredSec = measureDuration(media, extents, playlistSec)
    const isShort = presentSec < playlistSec * MIN_PRESENT_SHARE && !isTruncated
    if (isShort && media.isCut) {
      return { kind: 'failed', error: `segment holds ${presentSec.toFixed(1)} of its ${playlistSec.toFixed(1)} s` }
    }
    const wholeSec = Math.min(isTruncated ? Math.max(playlistSec, measuredSec) : measuredSec, MAX_DURATION_SEC)
    return {
      kind: 'measured',
      media,
      extents,
      ...clock.advance({ fromSec: extents.picture.fromSec, durationSec: wholeSec }),
    }
  }

  return { read, interrupt: clock.interrupt }
}
