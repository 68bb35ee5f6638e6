import { SMALL_PICTURE_BYTES, SMALL_PICTURE_WIDTH } from './decoder-arguments.ts'

/** What is known of a picture. `isStill`: nothing has changed since those before it. */
export type PictureValue = { readonly isBlack: boolean; readonly isStill: boolean }

/** Measures the pictures of a stream in presentation order. */
export type PictureMeter = {
  measure(blackPercent: number, small: Uint8Array, isKey: boolean): PictureValue
  /** Returns a function that takes back all that was measured since. */
  save(): () => void
}

/** Share of dark pixels that makes a picture black: as blackdetect's `pic_th=0.98`. */
const BLACK_PERCENT = 98

/** How much of the small picture differs where something has changed: so many pixels by so much luminance. */
type ChangeLimit = { readonly pixels: number; readonly luminance: number }
/** A digit of a clock moves two pixels, or a letter of a ticker. */
const BETWEEN_FRAMES: ChangeLimit = { pixels: 2, luminance: 10 }
/** An encoder short of bits draws a still picture anew with each keyframe, and refines it in the frames behind. */
const AROUND_KEYFRAMES: ChangeLimit = { pixels: 3, luminance: 16 }
const REFINED_FRAMES = 5

/**
 * What drifts slowly changes too little from frame to frame: it is compared with the first picture since the last change
 * as well, by its pixels and, so that a faint change of large parts counts, by the means of its regions.
 */
const SINCE_CHANGE: ChangeLimit = { pixels: 4, luminance: 20 }
const REGION_LUMINANCE = 4
/** An encoder refines a picture for as many frames after its last change. */
const SETTLED_FRAMES = 12
/** What drifts is there for long: so many frames apart it is looked for. */
const DRIFT_INTERVAL_FRAMES = 5

/** Pictures of the still stretch to compare with: `details` by pixels, `regions` by the means of its regions. */
type ReferencePicture = { readonly details: Uint8Array; readonly regions: Uint8Array }

/** The frames before, and those with which the next ones are compared. */
type Compared = {
  /**
   * The keyframe before, with the regions of the first one since the last change. Where there are only keyframes, its
   * details are those of the first one too.
   */
  readonly key: ReferencePicture | null
  /** The last frame that is no keyframe. */
  readonly other: Uint8Array | null
  /** The first such frame since the last change that is settled; until there is one, the last one. */
  readonly settled: ReferencePicture | null
  readonly framesSinceChange: number
  readonly framesSinceKey: number
  readonly hasMoved: boolean
  /** The keyframe ended a moving stretch: the frames that refine it differ from those before. */
  readonly isSettling: boolean
}

const NOTHING: Compared = {
  key: null,
  other: null,
  settled: null,
  framesSinceChange: 0,
  framesSinceKey: 0,
  hasMoved: false,
  isSettling: false,
}

/** Creates a meter. It compares a keyframe with keyframes before it, and any other frame with other ones. */
export function createPictureMeter(): PictureMeter {
  let last = NOTHING
  return {
    measure(blackPercent, small, isKey) {
      const isChanged = isKey ? isKeyChanged(last, small) : isFrameChanged(last, small)
      last = isKey ? afterKeyframe(last, small, isChanged) : afterFrame(last, small, isChanged)
      return { isBlack: blackPercent >= BLACK_PERCENT, isStill: !isChanged }
    },
    save() {
      const saved = last
      return () => {
        last = saved
      }
    },
  }
}

/** Reports whether a keyframe differs from those before. After movement it does, whether that has ended or not. */
function isKeyChanged({ key, hasMoved }: Compared, small: Uint8Array): boolean {
  if (key === null || hasMoved) return key === null
  return differs(key.details, small, AROUND_KEYFRAMES) || hasShifted(key.regions, small)
}

function isFrameChanged(last: Compared, small: Uint8Array): boolean {
  const { key, other, settled, framesSinceKey } = last
  if (other === null || settled === null) return key === null
  const isCompared = framesSinceKey % DRIFT_INTERVAL_FRAMES === 0
  if (isRedrawn(last)) return isCompared && hasShifted(settled.regions, small)
  if (differs(other, small, framesSinceKey < REFINED_FRAMES ? AROUND_KEYFRAMES : BETWEEN_FRAMES)) return true
  return isCompared && (differs(settled.details, small, SINCE_CHANGE) || hasShifted(settled.regions, small))
}

/** Reports whether the next frame may differ in its details because the picture came to a halt before the keyframe. */
function isRedrawn({ framesSinceKey, isSettling }: Compared): boolean {
  return isSettling && framesSinceKey < REFINED_FRAMES
}

function afterKeyframe(last: Compared, small: Uint8Array, isChanged: boolean): Compared {
  const key =
    isChanged || last.hasMoved || last.key === null ? refer(small) : keyAfterStill(last.key, small, last.other)
  return { ...last, key, framesSinceKey: 0, hasMoved: false, isSettling: last.hasMoved }
}

function keyAfterStill(key: ReferencePicture, small: Uint8Array, other: Uint8Array | null): ReferencePicture {
  return other === null ? key : { ...key, details: small }
}

function refer(small: Uint8Array): ReferencePicture {
  return { details: small, regions: small }
}

function afterFrame(last: Compared, small: Uint8Array, isChanged: boolean): Compared {
  return {
    ...last,
    other: small,
    settled: isChanged ? refer(small) : settledAfterFrame(last, small),
    framesSinceChange: isChanged ? 0 : last.framesSinceChange + 1,
    framesSinceKey: last.framesSinceKey + 1,
    hasMoved: last.hasMoved || isChanged,
  }
}

/** Returns the reference after an unchanged frame. One that is redrawn keeps its regions. */
function settledAfterFrame(last: Compared, small: Uint8Array): ReferencePicture {
  const { settled, framesSinceChange } = last
  if (settled === null || framesSinceChange < SETTLED_FRAMES) return refer(small)
  return isRedrawn(last) ? { ...settled, details: small } : settled
}

function differs(before: Uint8Array, after: Uint8Array, { pixels, luminance }: ChangeLimit): boolean {
  let changed = 0
  for (let i = 0; i < SMALL_PICTURE_BYTES; i++) {
    const difference = (before[i] ?? 0) - (after[i] ?? 0)
    if ((difference >= luminance || difference <= -luminance) && ++changed === pixels) return true
  }
  return false
}

const REGION_COLUMNS = 4
const REGION_ROWS = 3
const REGION_WIDTH = SMALL_PICTURE_WIDTH / REGION_COLUMNS
const REGION_BYTES = SMALL_PICTURE_BYTES / (REGION_COLUMNS * REGION_ROWS)

/** Reports whether one of twelve regions has become lighter or darker. */
function hasShifted(before: Uint8Array, after: Uint8Array): boolean {
  const shifts = new Int32Array(REGION_COLUMNS * REGION_ROWS)
  for (let from = 0; from < SMALL_PICTURE_BYTES; from += REGION_WIDTH) {
    let shift = 0
    for (let i = from; i < from + REGION_WIDTH; i++) shift += (after[i] ?? 0) - (before[i] ?? 0)
    const row = Math.floor(from / (REGION_COLUMNS * REGION_BYTES))
    const region = row * REGION_COLUMNS + ((from / REGION_WIDTH) % REGION_COLUMNS)
    shifts[region] = (shifts[region] ?? 0) + shift
  }
  return shifts.some((shift) => Math.abs(shift) >= REGION_LUMINANCE * REGION_BYTES)
}
