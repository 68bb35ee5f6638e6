/** A part of a segment, as a playlist lists it. */
export type ListedPart = { readonly uri: string; readonly durationSec: number }

/** A segment, as a playlist lists it. */
export type ListedSegment = {
  /** Its media sequence number. */
  readonly seq: number
  /** `null` of the segment that is being made: it has parts only. */
  readonly uri: string | null
  /** Its initialization segment. */
  readonly map: string
  /** When its first frame was received, in ms of the unix time. */
  readonly startMs: number
  readonly durationSec: number
  readonly parts: readonly ListedPart[]
}

/** What a player uses of a media playlist. */
export type MediaPlaylist = {
  readonly targetSec: number
  /** The next change may be waited for with `_HLS_msn`. */
  readonly canBlock: boolean
  readonly hasEnded: boolean
  readonly segments: readonly ListedSegment[]
}

/** Values that hold for the lines after them. */
type ParserState = {
  seq: number
  map: string
  clockMs: number
  parts: ListedPart[]
  durationSec: number
  readonly segments: ListedSegment[]
}

/**
 * Parses a media playlist (RFC 8216 §4.3.3, RFC 8216bis §4.4.4.9).
 * @throws Error where it is none
 */
export function parseMediaPlaylist(text: string): MediaPlaylist {
  if (!text.startsWith('#EXTM3U')) throw new Error('this is no playlist')
  const state: ParserState = { seq: 0, map: '', clockMs: 0, parts: [], durationSec: 0, segments: [] }
  for (const line of text.split('\n')) readLine(state, line)
  if (state.parts.length > 0) addSegment(state, null, sumDurations(state.parts))
  return {
    targetSec: Number(/^#EXT-X-TARGETDURATION:(\d+)/m.exec(text)?.[1] ?? 1),
    canBlock: text.includes('CAN-BLOCK-RELOAD=YES'),
    hasEnded: /^#EXT-X-ENDLIST$/m.test(text),
    segments: state.segments,
  }
}

function readLine(state: ParserState, line: string): void {
  if (!line.startsWith('#') && line !== '') return addSegment(state, line, state.durationSec)
  const [tag = '', ...rest] = line.split(':')
  const value = rest.join(':')
  if (tag === '#EXT-X-MEDIA-SEQUENCE') state.seq = Number(value)
  if (tag === '#EXT-X-MAP') state.map = uriOf(value)
  if (tag === '#EXT-X-PROGRAM-DATE-TIME') state.clockMs = Date.parse(value)
  if (tag === '#EXTINF') state.durationSec = Number.parseFloat(value)
  if (tag === '#EXT-X-PART') state.parts.push({ uri: uriOf(value), durationSec: durationOf(value) })
}

function addSegment(state: ParserState, uri: string | null, durationSec: number): void {
  const { seq, map, clockMs: startMs, parts } = state
  state.segments.push({ seq, uri, map, startMs, durationSec, parts })
  state.seq++
  state.clockMs += durationSec * 1000
  state.parts = []
}

function uriOf(attributes: string): string {
  return /URI="([^"]*)"/.exec(attributes)?.[1] ?? ''
}

function durationOf(attributes: string): number {
  return Number(/DURATION=([\d.]+)/.exec(attributes)?.[1])
}

/** Returns how long parts are together, in seconds. */
export function sumDurations(parts: readonly { readonly durationSec: number }[]): number {
  return parts.reduce((sum, { durationSec }) => sum + durationSec, 0)
}
