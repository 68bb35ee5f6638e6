import type { PresetVideo } from '../../../shared/contract/presets.ts'
import type { PlannedRendition } from './output-plan.ts'

/** Shortest side in pixels that each encoder accepts. */
const MIN_SIDE = { h264: 16, h265: 16, av1: 64 }

type FrameSize = { readonly width: number; readonly height: number }

/**
 * Plans a preset's renditions for one input size, or returns `null` where a frame would be too small to encode.
 * Renditions taller than the input are left out; if all are, the smallest remains, in the input's size. A rendition's
 * height is its shorter side (720p of a portrait video is 720×1280); sides are even (4:2:0) and never scaled up.
 */
export function planRenditions(
  input: FrameSize,
  { codec, renditions }: PresetVideo,
): readonly [PlannedRendition, ...PlannedRendition[]] | null {
  const shorterSide = Math.min(input.width, input.height)
  const fitting = renditions.filter(({ height }) => height <= shorterSide)
  const [first, ...rest] = fitting.length > 0 ? fitting : renditions.slice(-1)
  if (first === undefined) return null
  const plan = ({ crf, kbps, height }: PresetVideo['renditions'][number], index: number) => {
    return { index, ...scaleToShorterSide(input, height), crf, kbps }
  }
  const planned = [plan(first, 0), ...rest.map((rendition, i) => plan(rendition, i + 1))] as const
  const isTooSmall = planned.some(({ width, height }) => Math.min(width, height) < MIN_SIDE[codec])
  return isTooSmall ? null : planned
}

function scaleToShorterSide({ width, height }: FrameSize, shorterSide: number): FrameSize {
  const factor = Math.min(1, shorterSide / Math.min(width, height))
  return { width: roundToEven(width * factor, width), height: roundToEven(height * factor, height) }
}

/** Returns the nearest even number that is not larger than the input's side. */
function roundToEven(side: number, inputSide: number): number {
  return Math.min(Math.round(side / 2) * 2, Math.floor(inputSide / 2) * 2)
}
