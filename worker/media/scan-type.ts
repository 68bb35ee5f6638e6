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

/**
 * How much stronger the combs of a picture become where the fields of two frames are woven, in levels of 255: `top` where
 * the top field of a frame follows the bottom field of the frame before, `bottom` the other way round.
 */
export type CombExcess = { readonly top: number; readonly bottom: number }

type FieldOrder = 'top' | 'bottom'

/** How a picture was scanned. `order` is `null` where each frame states it. */
export type ScanType =
  | { readonly kind: 'progressive' }
  | { readonly kind: 'interlaced'; readonly order: FieldOrder | null }

/** The scan type by header and frames; `doubtful` where they contradict each other. */
type StatedScan = ScanType | { readonly kind: 'doubtful'; readonly fallback: ScanType }

/** Less is noise. */
const MIN_EXCESS = 0.05
/** The lower excess as a share of the higher one: below 0.15 in interlaced pictures, above 0.45 in progressive ones. */
const INTERLACED_SHARE = 0.3
/** Share below which a picture is interlaced although header and frames say otherwise. */
const CERTAIN_SHARE = 0.15
const CERTAIN_EXCESS = 0.2
const PROGRESSIVE: ScanType = { kind: 'progressive' }

/** ffmpeg's `field_order`: the field that is stored first, then the one that is shown first. */
const HEADER_ORDER: Readonly<Record<string, FieldOrder>> = { tt: 'top', bt: 'top', bb: 'bottom', tb: 'bottom' }

/** Returns which field a header says is shown first; `null` where it says nothing, or that the picture is progressive. */
export function readHeaderOrder(fieldOrder: string | undefined): FieldOrder | null {
  return HEADER_ORDER[fieldOrder ?? ''] ?? null
}

/** Returns the scan type that a header and its frames state. */
export function readStatedScan(fieldOrder: string | undefined, frames: readonly SampledFrame[]): StatedScan {
  const headerOrder = readHeaderOrder(fieldOrder)
  const byHeader: ScanType = headerOrder === null ? PROGRESSIVE : { kind: 'interlaced', order: headerOrder }
  if (frames.length === 0) return byHeader
  const interlaced = frames.filter(({ isInterlaced }) => isInterlaced)
  if (interlaced.length === 0) return headerOrder === null ? PROGRESSIVE : { kind: 'doubtful', fallback: PROGRESSIVE }
  const byFrames: ScanType = { kind: 'interlaced', order: null }
  const orders = new Set(interlaced.map(({ isTopFirst }) => (isTopFirst ? 'top' : 'bottom')))
  const isContradicted = fieldOrder === 'progressive' || (headerOrder !== null && !orders.has(headerOrder))
  const isUnanimous = interlaced.length === frames.length && orders.size === 1
  return isUnanimous && !isContradicted ? byFrames : { kind: 'doubtful', fallback: byFrames }
}

/**
 * Returns the scan type that the content of the frames shows: where statements contradict each other, interlaced if it is
 * so at any place. Statements that agree are overruled in their field order, and by certain combs at all places.
 */
export function resolveScan(stated: StatedScan, places: readonly CombExcess[]): ScanType {
  const moving = places.filter(({ top, bottom }) => Math.max(top, bottom) >= MIN_EXCESS)
  const combed = moving.filter((place) => lowerShare(place) < INTERLACED_SHARE)
  const lead = combed.reduce((sum, { top, bottom }) => sum + bottom - top, 0)
  const byContent: ScanType = { kind: 'interlaced', order: lead >= 0 ? 'top' : 'bottom' }
  switch (stated.kind) {
    case 'interlaced':
      return combed.length === 0 ? stated : byContent
    case 'doubtful':
      if (combed.length > 0) return byContent
      return moving.length > 0 ? PROGRESSIVE : stated.fallback
    case 'progressive':
      return moving.length > 0 && moving.every(isCertainlyCombed) ? byContent : stated
  }
}

function lowerShare({ top, bottom }: CombExcess): number {
  return Math.min(top, bottom) / Math.max(top, bottom)
}

function isCertainlyCombed(place: CombExcess): boolean {
  return lowerShare(place) < CERTAIN_SHARE && Math.max(place.top, place.bottom) >= CERTAIN_EXCESS
}
