import { SMALL_PICTURE_BYTES } from './decoder-arguments.ts'

/** What is known of a picture. `isStill`: it does not differ from the last one that did from those before it. */
export type PictureValue = { readonly isBlack: boolean; readonly isStill: boolean }

/** Measures the pictures of a stream in presentation order. */
export type PictureMeter = {
  measure(blackPercent: number, small: Uint8Array): PictureValue
  /** Returns a function that takes back all that was measured since. */
  save(): () => void
}

/** Share of dark pixels that makes a picture black: as blackdetect's `pic_th=0.98`. */
const BLACK_PERCENT = 98
/** Difference of luminance that encoding a still picture anew does not make. */
const MIN_DIFFERENCE = 6
/** Pixels of the small picture that differ where 1 % of the large one does: a clock or a ticker moves several. */
const MIN_CHANGED_PIXELS = 2

/**
 * Creates a meter. Each picture is compared with the first one of its still run, so that slow changes add up, while the
 * small differences between a keyframe and the pictures that refine it do not.
 */
export function createPictureMeter(): PictureMeter {
  let anchor: Uint8Array | null = null
  return {
    measure(blackPercent, small) {
      const isStill = anchor !== null && !isChanged(anchor, small)
      if (!isStill) anchor = small
      return { isBlack: blackPercent >= BLACK_PERCENT, isStill }
    },
    save() {
      const saved = anchor
      return () => {
        anchor = saved
      }
    },
  }
}

function isChanged(before: Uint8Array, after: Uint8Array): boolean {
  let changed = 0
  for (let i = 0; i < SMALL_PICTURE_BYTES; i++) {
    const difference = (before[i] ?? 0) - (after[i] ?? 0)
    if (difference >= MIN_DIFFERENCE || difference <= -MIN_DIFFERENCE) changed++
  }
  return changed >= MIN_CHANGED_PIXELS
}
