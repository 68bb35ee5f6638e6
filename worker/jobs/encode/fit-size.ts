import type { FrameShape } from '../plan/encode-plan.ts'

/** Aspects that differ by less count as one: encoders round sizes to blocks, and headers round the shape of pixels. */
const SAME_ASPECT = 0.02
/** Plausible shapes of pixels, as in the probe; others come from broken headers. */
const PLAUSIBLE_PIXEL = { min: 0.2, max: 5 }

/**
 * Returns the size to which a frame of any shape is scaled to fit into a rendition, as expressions of ffmpeg's `scale`: the
 * rendition's own for frames of the planned aspect, otherwise as large as it holds. Sides are even (4:2:0).
 */
export function fitSize(
  { aspect }: FrameShape,
  { width, height }: { readonly width: number; readonly height: number },
): { readonly width: string; readonly height: string } {
  const { min, max } = PLAUSIBLE_PIXEL
  // The frame's aspect, relative to the planned one: below 1 there are bars at the sides, above 1 at top and bottom.
  const ratio = `(if(between(sar,${min},${max}),dar,a)/${aspect.toFixed(6)})`
  const tolerance = Math.max(SAME_ASPECT, 2 / Math.min(width, height))
  return {
    width: `if(lt(${ratio},${(1 - tolerance).toFixed(6)}),${roundedEven(`${width}*${ratio}`)},${width})`,
    height: `if(gt(${ratio},${(1 + tolerance).toFixed(6)}),${roundedEven(`${height}/${ratio}`)},${height})`,
  }
}

function roundedEven(side: string): string {
  return `max(2,2*round(${side}/2))`
}
