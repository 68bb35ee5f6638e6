/**
 * Plans the colours of an output: BT.709 or BT.601 in 8 bits, as every player shows them, with the matrix stated.
 *
 * HDR is tone-mapped. SDR of other primaries (BT.2020, P3) or matrices is converted to BT.709. A file without a matrix has
 * that of its size, which the output states, since players would guess another one for another size.
 */
import type { ColorPlan, InputColors, InputVideo } from './encode-plan.ts'

/** Colours that cannot be converted, with the reason in words. */
type UnknownColors = { readonly kind: 'unknown'; readonly reason: string }

/** HDR video uses the primaries of BT.2020; a file that declares nothing more than PQ or HLG means them (ITU-R BT.2100). */
const HDR_DEFAULTS: InputColors = { transfer: 'smpte2084', primaries: 'bt2020', matrix: 'bt2020nc' }
const SDR_DEFAULTS: InputColors = { transfer: 'bt709', primaries: 'bt709', matrix: 'bt709' }

/** Names of ffmpeg's pixel formats that store RGB. */
const RGB_FORMAT = /^(?:gbr|rgb|bgr|argb|abgr|0rgb|0bgr|pal8|x2)/
const UNSTATED = ['unknown', 'unspecified', 'reserved']

/** Colours that players show as they are. */
const PLAYABLE = {
  primaries: ['bt709', 'bt470m', 'bt470bg', 'smpte170m', 'smpte240m'],
  matrix: ['bt709', 'fcc', 'bt470bg', 'smpte170m', 'smpte240m', 'gbr'],
  transfer: ['bt709', 'bt470m', 'bt470bg', 'smpte170m', 'smpte240m', 'iec61966-2-4', 'iec61966-2-1', 'bt1361e'],
}
/** What zscale converts, by its names. */
const CONVERTIBLE = {
  primaries: [...PLAYABLE.primaries, 'film', 'bt2020', 'smpte428', 'smpte431', 'smpte432', 'jedec-p22', 'ebu3213'],
  sdrMatrix: [...PLAYABLE.matrix, 'ycgco', 'bt2020nc', 'bt2020c', 'chroma-derived-nc', 'chroma-derived-c'],
  hdrMatrix: [...PLAYABLE.matrix, 'ycgco', 'bt2020nc', 'ictcp', 'chroma-derived-nc'],
  transfer: [
    'bt709',
    'smpte170m',
    'bt470m',
    'bt470bg',
    'bt2020-10',
    'bt2020-12',
    'iec61966-2-1',
    'iec61966-2-4',
  ].concat(['linear', 'log100', 'log316', 'smpte2084', 'arib-std-b67']),
}
/** zscale has misspelled this name. */
const MATRIX_SMPTE240M = '7'

/** The largest picture of standard definition: a larger one without a matrix has that of BT.709. */
const SD = { width: 1279, height: 576 }

/** Plans the colours of a video; with words where they cannot be converted. */
export function planColors(video: InputVideo): ColorPlan | UnknownColors {
  const isRgb = RGB_FORMAT.test(video.pixFmt)
  const stated = readStatedColors(video, isRgb)
  if (!video.isHdr && isPlayable(stated)) {
    const matrix = stated.matrix === null ? guessMatrix(video, stated.primaries) : null
    return { kind: 'planned', hdr: null, sdr: null, isOddSized: false, isRgb, matrix }
  }
  const colors = completeColors(stated, video.isHdr)
  const problem = findUnconvertible(colors, video.isHdr)
  if (problem !== null) return { kind: 'unknown', reason: problem }
  const converted = toZscaleNames(colors)
  const [hdr, sdr] = video.isHdr ? [converted, null] : [null, converted]
  return { kind: 'planned', hdr, sdr, isOddSized: isOddSized(video), isRgb, matrix: null }
}

/** Returns whether a side of the frames is odd as they are stored. */
function isOddSized({ stored, width, height }: InputVideo): boolean {
  const frame = stored ?? { width, height }
  return (frame.width | frame.height) % 2 === 1
}

type StatedColors = { readonly [Part in keyof InputColors]: string | null }

function readStatedColors({ color }: InputVideo, isRgb: boolean): StatedColors {
  return {
    transfer: readName(color.transfer),
    primaries: readName(color.primaries),
    matrix: isRgb ? 'gbr' : readName(color.space),
  }
}

/** Completes colours: those of BT.2020 belong together, and HDR has them. */
function completeColors({ transfer, primaries, matrix }: StatedColors, isHdr: boolean): InputColors {
  const isWide = isHdr || [primaries, matrix].some((name) => name?.startsWith('bt2020'))
  const defaults = isWide ? HDR_DEFAULTS : SDR_DEFAULTS
  return {
    transfer: transfer ?? (isHdr ? HDR_DEFAULTS : SDR_DEFAULTS).transfer,
    primaries: primaries ?? defaults.primaries,
    matrix: matrix ?? defaults.matrix,
  }
}

function readName(name: string | null): string | null {
  return name === null || UNSTATED.includes(name) ? null : name
}

function isPlayable({ transfer, primaries, matrix }: StatedColors): boolean {
  const isIn = (name: string | null, names: readonly string[]) => name === null || names.includes(name)
  return isIn(primaries, PLAYABLE.primaries) && isIn(matrix, PLAYABLE.matrix) && isIn(transfer, PLAYABLE.transfer)
}

function findUnconvertible({ primaries, matrix }: InputColors, isHdr: boolean): string | null {
  const matrices = isHdr ? CONVERTIBLE.hdrMatrix : CONVERTIBLE.sdrMatrix
  if (!matrices.includes(matrix)) return `the colours of the picture (matrix ${matrix}) cannot be converted`
  if (CONVERTIBLE.primaries.includes(primaries)) return null
  return `the colours of the picture (primaries ${primaries}) cannot be converted`
}

/** Returns zscale's names. A transfer that it does not know is close to that of BT.709. */
function toZscaleNames({ transfer, primaries, matrix }: InputColors): InputColors {
  return {
    transfer: CONVERTIBLE.transfer.includes(transfer) ? transfer : SDR_DEFAULTS.transfer,
    primaries,
    matrix: matrix === 'smpte240m' ? MATRIX_SMPTE240M : matrix,
  }
}

/** Returns the matrix of a video that states none: that of its primaries, or of its size, as players guess it. */
function guessMatrix({ width, height, rotation }: InputVideo, primaries: string | null): string {
  if (primaries === 'bt709' || primaries === 'bt470bg' || primaries === 'smpte170m') return primaries
  const [storedWidth, storedHeight] = rotation % 180 === 90 ? [height, width] : [width, height]
  if (storedWidth > SD.width || storedHeight > SD.height) return 'bt709'
  return storedHeight === SD.height || storedHeight === SD.height / 2 ? 'bt470bg' : 'smpte170m'
}
