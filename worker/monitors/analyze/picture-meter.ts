import { SMALL_PICTURE_BYTES } from './decoder-arguments.ts'

/** What is known of a picture. `isStill`: nothing has changed since the picture before it. */
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

/** The last keyframe, the last other frame, and what came since that keyframe. */
type Compared = {
  readonly key: Uint8Array | null
  readonly other: Uint8Array | null
  readonly framesSinceKey: number
  readonly hasMoved: boolean
  /** The keyframe ended a moving stretch: the frames that refine it differ from those before. */
  readonly isSettling: boolean
}

const NOTHING: Compared = { key: null, other: null, framesSinceKey: 0, hasMoved: false, isSettling: false }

/** Creates a meter. It compares a keyframe with the keyframe before it, and any other frame with the last other one. */
export function createPictureMeter(): PictureMeter {
  let last = NOTHING
  return {
    measure(blackPercent, small, isKey) {
      const isChanged = isKey ? isKeyChanged(last, small) : isFrameChanged(last, small)
      last = isKey ? afterKeyframe(last, small) : afterFrame(last, small, isChanged)
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

/** Reports whether a keyframe differs from the one before. After movement it does, whether that has ended or not. */
function isKeyChanged({ key, hasMoved }: Compared, small: Uint8Array): boolean {
  return key === null || (!hasMoved && differs(key, small, AROUND_KEYFRAMES))
}

function isFrameChanged({ key, other, framesSinceKey, isSettling }: Compared, small: Uint8Array): boolean {
  if (other === null) return key === null
  const isRefining = framesSinceKey < REFINED_FRAMES
  if (isRefining && isSettling) return false
  return differs(other, small, isRefining ? AROUND_KEYFRAMES : BETWEEN_FRAMES)
}

function afterKeyframe({ other, hasMoved }: Compared, key: Uint8Array): Compared {
  return { key, other, framesSinceKey: 0, hasMoved: false, isSettling: hasMoved }
}

function afterFrame(last: Compared, other: Uint8Array, isChanged: boolean): Compared {
  return { ...last, other, framesSinceKey: last.framesSinceKey + 1, hasMoved: last.hasMoved || isChanged }
}

function differs(before: Uint8Array, after: Uint8Array, { pixels, luminance }: ChangeLimit): boolean {
  let changed = 0
  for (let i = 0; i < SMALL_PICTURE_BYTES; i++) {
    const difference = (before[i] ?? 0) - (after[i] ?? 0)
    if (difference >= luminance || difference <= -luminance) changed++
  }
  return changed >= pixels
}
