import type { OutputPlan } from '../plan/output-plan.ts'

/** Arrangement of thumbnails on sprite sheets. */
export type SpriteLayout = {
  /** Time between thumbnails. */
  readonly intervalSec: number
  readonly tiles: number
  readonly tileWidth: number
  readonly tileHeight: number
  readonly columns: number
  readonly rows: number
  readonly sheets: number
}

/** The longer side of a thumbnail, in pixels. */
const TILE_SIDE = 160
const MAX_COLUMNS = 10
const MAX_TILES = 100
const MAX_INTERVAL_SEC = 10

/**
 * Lays out the thumbnails of an output: up to 100 on one sheet, more sheets where they would be more than ten seconds apart.
 * The interval is at least a GOP, because only keyframes are decoded. Returns `null` for an output without video.
 */
export function layOutSprite({ video, durationSec }: OutputPlan): SpriteLayout | null {
  if (video === null) return null
  const [{ width, height }] = video.renditions
  const gopSec = (video.gopFrames * video.fps.den) / video.fps.num
  const intervalSec = Math.max(Math.min(Math.ceil(durationSec / MAX_TILES), MAX_INTERVAL_SEC), Math.ceil(gopSec), 1)
  const tiles = Math.max(1, Math.ceil(durationSec / intervalSec))
  const columns = Math.min(tiles, MAX_COLUMNS)
  const scale = TILE_SIDE / Math.max(width, height)
  return {
    intervalSec,
    tiles,
    tileWidth: roundToEven(width * scale),
    tileHeight: roundToEven(height * scale),
    columns,
    rows: Math.min(Math.ceil(tiles / columns), MAX_TILES / MAX_COLUMNS),
    sheets: Math.ceil(tiles / MAX_TILES),
  }
}

/** Returns a WebVTT file with the time and place of each thumbnail; places are media fragments (`#xywh`) of the sheets. */
export function formatSpriteTrack(layout: SpriteLayout, durationSec: number, sheets: readonly string[]): string {
  const { intervalSec, tiles, tileWidth, tileHeight, columns, rows } = layout
  const cues = Array.from({ length: tiles }, (_, tile) => {
    const sheet = Math.floor(tile / (columns * rows))
    const place = tile % (columns * rows)
    const [x, y] = [(place % columns) * tileWidth, Math.floor(place / columns) * tileHeight]
    const [from, to] = [tile * intervalSec, Math.min((tile + 1) * intervalSec, durationSec)]
    const picture = `${encodeURIComponent(sheets[sheet] ?? '')}#xywh=${x},${y},${tileWidth},${tileHeight}`
    return `\n${formatTimestamp(from)} --> ${formatTimestamp(to)}\n${picture}\n`
  })
  return `WEBVTT\n${cues.join('')}`
}

/** Returns a timestamp `HH:MM:SS.mmm` (WebVTT §4.1). */
function formatTimestamp(seconds: number): string {
  const ms = Math.round(seconds * 1000)
  const part = (value: number, digits = 2) => String(Math.floor(value)).padStart(digits, '0')
  return `${part(ms / 3_600_000)}:${part((ms / 60_000) % 60)}:${part((ms / 1000) % 60)}.${part(ms % 1000, 3)}`
}

function roundToEven(pixels: number): number {
  return Math.max(2, 2 * Math.round(pixels / 2))
}
