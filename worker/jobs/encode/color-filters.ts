import type { ColorPlan, InputColors } from '../plan/encode-plan.ts'
import type { PlannedRendition } from '../plan/output-plan.ts'

/** Luminance in cd/m² that zscale maps to 1.0 in linear light (`npl`): the white of SDR. */
const SDR_WHITE_NITS = 100

/** zscale accepts subsampled chroma only where the sides are even. */
const FULL_CHROMA = 'format=yuv444p|yuv444p10le|yuv444p12le|yuv444p16le|gbrp|gbrp10le|gbrp12le|gbrp16le'

/** Builds the filters that convert colours to BT.709, in the largest rendition's size; none where the input has them. */
export function buildColorFilters({ hdr, sdr, isOddSized }: ColorPlan, largest: PlannedRendition): readonly string[] {
  const before = isOddSized ? [FULL_CHROMA] : []
  if (hdr !== null) return [...before, ...buildToneMapFilters(hdr, largest)]
  return sdr === null ? [] : [...before, buildGamutFilter(sdr, largest)]
}

/** Returns whether `buildColorFilters` converts the colours. */
export function isConverted({ hdr, sdr }: ColorPlan): boolean {
  return hdr !== null || sdr !== null
}

function buildToneMapFilters(
  { transfer, primaries, matrix }: InputColors,
  { width, height }: PlannedRendition,
): readonly string[] {
  const toLinear = `tin=${transfer}:pin=${primaries}:min=${matrix}:t=linear:npl=${SDR_WHITE_NITS}`
  return [
    `zscale=w=${width}:h=${height}:f=bicubic:${toLinear}`,
    'format=gbrpf32le',
    'zscale=p=bt709',
    'tonemap=tonemap=hable:desat=0',
    'zscale=t=bt709:m=bt709:r=tv',
    'format=yuv420p',
    'sidedata=mode=delete:type=MASTERING_DISPLAY_METADATA',
    'sidedata=mode=delete:type=CONTENT_LIGHT_LEVEL',
  ]
}

function buildGamutFilter({ transfer, primaries, matrix }: InputColors, { width, height }: PlannedRendition): string {
  const input = `tin=${transfer}:pin=${primaries}:min=${matrix}`
  return `zscale=w=${width}:h=${height}:f=bicubic:${input}:t=bt709:p=bt709:m=bt709:r=tv`
}
