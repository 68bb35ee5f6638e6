import { createBoxReader, type WholeBox } from './box-reader.ts'
import { type InitSegment, readInitSegment } from './init-segment.ts'
import { type MediaFragment, readMediaFragment, shiftDecodeTimes } from './media-fragment.ts'

/** A fragment on the session's clock. */
export type SessionFragment = {
  /** When its first frame is presented, in ms of the session; `null` of a fragment that has sound only. */
  readonly beginMs: number | null
  readonly durationSec: number
  readonly frames: number
  /** A decoder can begin with its first frame. */
  readonly isIndependent: boolean
  readonly bytes: Buffer
}

/** What the output of an encoder's pipe holds. */
export type RungMedia =
  | { readonly kind: 'init'; readonly init: InitSegment }
  | { readonly kind: 'fragment'; readonly fragment: SessionFragment }

export type FragmentReader = {
  /**
   * Returns what these bytes complete, in order.
   * @throws RangeError where the bytes are no fragmented MP4
   */
  push(bytes: Buffer): readonly RungMedia[]
}

/** Decode times of frames that are presented later begin before the session does. They must not be negative. */
const CLOCK_OFFSET_MS = 10_000

/**
 * From a run's own clock to the session's, in ms; and the delay of the first frame from decoding to presentation.
 */
type ClockShift = { readonly videoMs: number; readonly delayMs: number }

/**
 * Creates the reader of a rung. The run's first frame is presented at `startMs` of the session. Decode times are shifted to
 * the session's clock, on which every rung and every run continues.
 */
export function createFragmentReader(startMs: number): FragmentReader {
  const reader = createBoxReader()
  let head: readonly Buffer[] = []
  let init: InitSegment | null = null
  let moof: Buffer | null = null
  let shift: ClockShift | null = null

  function readBox({ type, bytes }: WholeBox): readonly RungMedia[] {
    if (type === 'moof') moof = bytes
    if (type === 'ftyp') head = [bytes]
    if (type === 'moov') {
      init = readInitSegment([...head, bytes])
      return [{ kind: 'init', init }]
    }
    if (type !== 'mdat') return []
    if (init === null || moof === null) throw new RangeError('media data precede their description')
    return [{ kind: 'fragment', fragment: readFragment(init, moof, bytes) }]
  }

  function readFragment(header: InitSegment, description: Buffer, data: Buffer): SessionFragment {
    const { durationSec, frames, isIndependent, ...times } = readMediaFragment(description, header)
    const { videoMs, delayMs } = (shift ??= measureShift(times, startMs))
    shiftDecodeTimes(description, header, ({ isVideo }) => CLOCK_OFFSET_MS + (isVideo ? videoMs : startMs))
    const beginMs = locateFragment({ ...times, isIndependent }, { videoMs, delayMs })
    return { beginMs, durationSec, frames, isIndependent, bytes: Buffer.concat([description, data]) }
  }

  return { push: (bytes) => reader.push(bytes).flatMap(readBox) }
}

type FragmentTimes = Pick<MediaFragment, 'firstFrameSec' | 'firstOffsetSec'>

/** Measures the shift of a run: the session's time of its first frame is known. */
function measureShift({ firstFrameSec, firstOffsetSec }: FragmentTimes, startMs: number): ClockShift {
  if (firstFrameSec === null) throw new RangeError('a run begins without a frame')
  return { videoMs: startMs - firstFrameSec * 1000, delayMs: firstOffsetSec * 1000 }
}

/** Returns when a fragment begins. The first frame after no key frame may be presented after the frames behind it. */
function locateFragment(
  { firstFrameSec, firstOffsetSec, isIndependent }: FragmentTimes & Pick<MediaFragment, 'isIndependent'>,
  { videoMs, delayMs }: ClockShift,
): number | null {
  if (firstFrameSec === null) return null
  const decodeMs = (firstFrameSec - firstOffsetSec) * 1000
  return Math.round(videoMs + (isIndependent ? firstFrameSec * 1000 : decodeMs + delayMs))
}
