import type { PresetVideo } from '../../shared/contract/presets.ts'
import type { Probe } from '../platform/probed-media.ts'
import type { PlannedRendition } from './output-plan.ts'

/** Smaller pictures are refused by the encoders. */
const MIN_SIDE = { h264: 16, h265: 16, av1: 64 }

type Picture = Pick<NonNullable<Probe['video']>, 'width' | 'height'>

/**
 * The sizes that a preset's renditions have for one source. A rendition's height is its shorter side, as people say
 * 720p of a phone's upright picture too: of 1080×1920, `720` is 720×1280. Renditions taller than the source are left
 * out; where all are, the smallest stays, in the source's own size. Sides are even, as 4:2:0 needs them, and no size is
 * larger than the source. `null`: the picture is too small to be encoded.
 */
export function renditionSizes(
  source: Picture,
  { codec, renditions }: PresetVideo,
): readonly [PlannedRendition, ...PlannedRendition[]] | null {
  const shorter = Math.min(source.width, source.height)
  const fitting = renditions.filter(({ height }) => height <= shorter)
  const [first, ...rest] = fitting.length > 0 ? fitting : renditions.slice(-1)
  if (first === undefined) return null
  const planned = (rendition: PresetVideo['renditions'][number], index: number) => {
    const { crf, kbps, height } = rendition
    return { index, ...sizeOf(source, height), crf, kbps }
  }
  const sizes = [planned(first, 0), ...rest.map((rendition, i) => planned(rendition, i + 1))] as const
  const isTooSmall = sizes.some(({ width, height }) => Math.min(width, height) < MIN_SIDE[codec])
  return isTooSmall ? null : sizes
}

function sizeOf({ width, height }: Picture, shorterSide: number): Picture {
  const factor = Math.min(1, shorterSide / Math.min(width, height))
  return { width: even(width * factor, width), height: even(height * factor, height) }
}

/** The nearest even number that is no larger than the source's side. */
function even(side: number, sourceSide: number): number {
  return Math.min(Math.round(side / 2) * 2, Math.floor(sourceSide / 2) * 2)
}
