import { parseBoxes, requireBoxBody } from '../../media/mp4/boxes.ts'
import { readTrackFragment } from '../../media/mp4/track-fragment.ts'
import type { InitSegment, InitTrack } from './init-segment.ts'

/** What a movie fragment holds. Times are in seconds of the run's own clock. */
export type MediaFragment = {
  /** Presentation time of the first frame; `null` of a fragment that has sound only. */
  readonly firstFrameSec: number | null
  /** Time from the decoding of the first frame to its presentation. */
  readonly firstOffsetSec: number
  /** Sum of the durations of its frames; without frames, of its sound. */
  readonly durationSec: number
  readonly frames: number
  /** A decoder can begin with its first frame. */
  readonly isIndependent: boolean
}

const MOOF_HEADER_BYTES = 8

/**
 * Reads a moof box (ISO/IEC 14496-12 §8.8.4). A fragment without a frame has the duration of its sound.
 * @throws RangeError where it is damaged or of an unknown track
 */
export function readMediaFragment(moof: Buffer, init: InitSegment): MediaFragment {
  const parts = listTracks(moof, init).map(({ traf, track }) => {
    const fragment = readTrackFragment(traf, track.defaults)
    return { track, fragment, duration: fragment.samples.reduce((sum, { duration }) => sum + duration, 0) }
  })
  const video = parts.find(({ track, fragment }) => track.isVideo && fragment.samples.length > 0)
  const [first] = video?.fragment.samples ?? []
  const sound = parts.find(({ track }) => !track.isVideo)
  const soundSec = sound === undefined ? 0 : sound.duration / sound.track.timescale
  if (video === undefined || first === undefined)
    return { firstFrameSec: null, firstOffsetSec: 0, durationSec: soundSec, frames: 0, isIndependent: false }
  const { timescale } = video.track
  return {
    firstFrameSec: (video.fragment.decodeTime + first.compositionOffset) / timescale,
    firstOffsetSec: first.compositionOffset / timescale,
    durationSec: video.duration / timescale,
    frames: video.fragment.samples.length,
    isIndependent: first.isSync,
  }
}

/**
 * Shifts the decode times of a moof box in place (ISO/IEC 14496-12 §8.8.12), so that all rungs and runs of a session have
 * one clock. `shiftMs` returns the shift of a track.
 * @throws RangeError where it is damaged or of an unknown track
 */
export function shiftDecodeTimes(moof: Buffer, init: InitSegment, shiftMs: (track: InitTrack) => number): void {
  for (const { traf, track } of listTracks(moof, init)) {
    const tfdt = requireBoxBody(traf, 'tfdt')
    if (tfdt.readUInt8(0) !== 1) throw new RangeError('has a decode time of 32 bits')
    const shift = BigInt(Math.round((shiftMs(track) * track.timescale) / 1000))
    tfdt.writeBigUInt64BE(tfdt.readBigUInt64BE(4) + shift, 4)
  }
}

/** Returns the traf boxes of a moof box with their tracks. */
function listTracks(moof: Buffer, init: InitSegment): { readonly traf: Buffer; readonly track: InitTrack }[] {
  const trafs = parseBoxes(moof.subarray(MOOF_HEADER_BYTES)).filter(({ type }) => type === 'traf')
  return trafs.map(({ body: traf }) => {
    const id = requireBoxBody(traf, 'tfhd').readUInt32BE(4)
    const track = init.tracks.find((candidate) => candidate.id === id)
    if (track === undefined) throw new RangeError(`has a fragment of track ${id}, which does not exist`)
    return { traf, track }
  })
}
