/**
 * Decides whether a picture is interlaced.
 *
 * Headers are often wrong: DV and MPEG-4 in AVI do not say that they are interlaced, and editors mark progressive pictures
 * as interlaced. The frames decide. Where they contradict the header, or each other, their content does.
 */
/** What a decoded frame states about itself. */
export type SampledFrame = {
  readonly isInterlaced: boolean
  readonly isTopFirst: boolean
  /** Fields by which the frame is shown longer (ffmpeg's `repeat_pict`). */
  readonly repeatedFields: number
  readonly timeSec: number | null
}

/** Frames at one place of a picture by the order of their fields, as their content shows it. */
export type CombCounts = { readonly topFirst: number; readonly bottomFirst: number; readonly progressive: number }

type FieldOrder = 'top' | 'bottom'

/** How a picture was scanned. `order` is `null` where each frame states it. */
export type ScanType =
  | { readonly kind: 'progressive' }
  | { readonly kind: 'interlaced'; readonly order: FieldOrder | null }

/** The scan type by header and frames; `doubtful` where they contradict each other. */
type StatedScan = ScanType | { readonly kind: 'doubtful'; readonly fallback: ScanType }

/** Fewer frames show nothing: a scene cut may look like one. */
const MIN_FRAMES = 4
/** ffmpeg's `field_order`: the field that is stored first, then the one that is shown first. */
const HEADER_ORDER: Readonly<Record<string, FieldOrder>> = { tt: 'top', bt: 'top', bb: 'bottom', tb: 'bottom' }
const PROGRESSIVE: ScanType = { kind: 'progressive' }

/** Returns which field a header says is shown first; `null` where it says nothing, or that the picture is progressive. */
export function readHeaderOrder(fieldOrder: string | undefined): FieldOrder | null {
  return HEADER_ORDER[fieldOrder ?? ''] ?? null
}

/** Returns the scan type that a header and its frames state. */
export function readStatedScan(fieldOrder: string | undefined, frames: readonly SampledFrame[]): StatedScan {
  const headerOrder = readHeaderOrder(fieldOrder)
  if (frames.length === 0) return headerOrder === null ? PROGRESSIVE : { kind: 'interlaced', order: headerOrder }
  const interlaced = frames.filter(({ isInterlaced }) => isInterlaced)
  if (interlaced.length === 0) return headerOrder === null ? PROGRESSIVE : { kind: 'doubtful', fallback: PROGRESSIVE }
  const topFirst = interlaced.filter(({ isTopFirst }) => isTopFirst).length
  const hasOneOrder = topFirst === 0 || topFirst === interlaced.length
  const frameOrder = topFirst * 2 >= interlaced.length ? 'top' : 'bottom'
  const contradictsHeader = fieldOrder === 'progressive' || (headerOrder !== null && headerOrder !== frameOrder)
  const byFrames: ScanType = { kind: 'interlaced', order: null }
  if (interlaced.length === frames.length && hasOneOrder && !contradictsHeader) return byFrames
  return { kind: 'doubtful', fallback: byFrames }
}

/** Returns the scan type that the content of the frames shows: interlaced where it is so at any place. */
export function resolveScan(stated: StatedScan, places: readonly CombCounts[]): ScanType {
  if (stated.kind !== 'doubtful') return stated
  const combed = places.filter(({ topFirst, bottomFirst, progressive }) => {
    return topFirst + bottomFirst >= MIN_FRAMES && topFirst + bottomFirst > progressive
  })
  if (combed.length > 0) {
    const lead = combed.reduce((sum, { topFirst, bottomFirst }) => sum + topFirst - bottomFirst, 0)
    return { kind: 'interlaced', order: lead >= 0 ? 'top' : 'bottom' }
  }
  return places.some(({ progressive }) => progressive >= MIN_FRAMES) ? PROGRESSIVE : stated.fallback
}
