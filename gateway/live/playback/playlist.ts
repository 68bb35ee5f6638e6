/**
 * Playlists of a broadcast (RFC 8216, and its second edition for parts, blocking reloads and delta updates). They are
 * computed from the rows of segments and the newest parts, so that every gateway answers the same.
 */

import { PART_SEC, SEGMENT_SEC, type EncodedRung, type PartEvent } from '../../../shared/contract/live.ts'
import { chooseRung } from '../rules/choose-rung.ts'
import type { EncoderRunRow, SegmentRow } from '../store/segments.ts'

/** The part of a broadcast that a playlist shows. */
export type PlaylistWindow = {
  /** In the order of their sequence numbers, without gaps. */
  readonly segments: readonly SegmentRow[]
  /** All runs of these segments. */
  readonly runs: readonly EncoderRunRow[]
  readonly hasEnded: boolean
  /** The newest parts, of segments that have no row yet or have got it just now; `null`: there are no parts. */
  readonly parts: readonly PartEvent[] | null
  /** What the addresses of files begin with, and those of parts: `../`. */
  readonly filesBase: string
  readonly partsBase: string
}

/** How far behind the newest segment a delta update skips, in seconds: six target durations (§4.4.3.8 of the draft). */
const SKIP_UNTIL_SEC = 6 * SEGMENT_SEC
/** Segments whose parts are listed beside them: three target durations from the end (§6.2.2 of the draft). */
const SEGMENTS_WITH_PARTS = 3

/** Returns the multivariant playlist; `query` is appended to the address of each rendition. */
export function formatMaster(runs: readonly EncoderRunRow[], query: string): string {
  const newest = new Map<string, EncodedRung>()
  for (const { rungs } of runs) for (const rung of rungs) newest.set(rung.name, rung)
  const rungs = [...newest.values()].toSorted((a, b) => b.height - a.height)
  return lines([
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    ...rungs.flatMap((rung) => [formatVariant(rung), `${rung.name}.m3u8${query}`]),
  ])
}

function formatVariant({ bandwidth, width, height, codecs, frame_rate: rate }: EncodedRung): string {
  const attributes = [`BANDWIDTH=${bandwidth}`, `RESOLUTION=${width}x${height}`, `CODECS="${codecs}"`]
  return `#EXT-X-STREAM-INF:${[...attributes, `FRAME-RATE=${rate.toFixed(3)}`].join(',')}`
}

/** Returns the media playlist of a rendition; `isDelta` leaves out old segments (`_HLS_skip`). */
export function formatMedia(window: PlaylistWindow, rung: string, isDelta: boolean): string {
  const { segments, hasEnded } = window
  const isLow = window.parts !== null && !hasEnded
  const skipped = isDelta && isLow ? countSkippable(segments) : 0
  const listed = segments.slice(skipped)
  return lines([
    ...formatHead(window, isLow),
    ...(skipped > 0 ? [`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`] : []),
    ...listed.flatMap((segment, i) => formatSegment(window, rung, { segment, at: i + skipped, isLow })),
    ...(hasEnded ? ['#EXT-X-ENDLIST'] : formatTail(window, newestParts(window, rung))),
  ])
}

function formatHead(window: PlaylistWindow, isLow: boolean): string[] {
  const { segments, runs, hasEnded } = window
  const [first] = segments
  const seq = first?.seq ?? 0
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    `#EXT-X-TARGETDURATION:${targetDurationOf(segments)}`,
    ...(isLow ? formatControl(window) : []),
    `#EXT-X-MEDIA-SEQUENCE:${seq}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${findRun(runs, first)?.discontinuity ?? 0}`,
    ...(hasEnded && seq === 0 ? ['#EXT-X-PLAYLIST-TYPE:VOD'] : []),
  ]
}

/** Returns whether a window has what a blocking reload waits for: a segment, or a part of the one after the last. */
export function hasPosition(window: PlaylistWindow, rung: string, position: PlaylistPosition): boolean {
  const last = window.segments.at(-1)?.seq ?? -1
  if (window.hasEnded || last >= position.seq) return true
  return position.part !== null && position.seq === last + 1 && newestParts(window, rung).length > position.part
}

/** A position in a playlist: `_HLS_msn`, and `_HLS_part` or `null`. */
export type PlaylistPosition = { readonly seq: number; readonly part: number | null }

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}

/** Returns the largest duration of a segment, rounded (RFC 8216 §4.3.3.1), and at least the nominal one. */
function targetDurationOf(segments: readonly SegmentRow[]): number {
  return segments.reduce((longest, { durationSec }) => Math.max(longest, Math.round(durationSec)), SEGMENT_SEC)
}

function findRun(runs: readonly EncoderRunRow[], of: Pick<SegmentRow, 'epoch' | 'run'> | undefined) {
  return runs.find(({ epoch, run }) => epoch === of?.epoch && run === of.run)
}

function formatControl(window: PlaylistWindow): string[] {
  const target = partTargetOf(window)
  const control = [
    'CAN-BLOCK-RELOAD=YES',
    `PART-HOLD-BACK=${(3 * target).toFixed(3)}`,
    `HOLD-BACK=${(3 * targetDurationOf(window.segments)).toFixed(1)}`,
    `CAN-SKIP-UNTIL=${SKIP_UNTIL_SEC.toFixed(1)}`,
  ]
  return [`#EXT-X-SERVER-CONTROL:${control.join(',')}`, `#EXT-X-PART-INF:PART-TARGET=${target.toFixed(3)}`]
}

/** Returns the part target, in seconds: a part ends with the frame that reaches its length, and none may be longer. */
function partTargetOf({ runs, parts }: PlaylistWindow): number {
  const rates = runs.flatMap(({ rungs }) => rungs.map(({ frame_rate: rate }) => rate)).filter((rate) => rate > 0)
  const nominal = rates.map((rate) => Math.ceil(PART_SEC * rate - 0.01) / rate)
  const longest = Math.max(PART_SEC, ...nominal, ...(parts ?? []).map(({ duration_sec: sec }) => sec))
  return Math.ceil(longest * 1000) / 1000
}

/** Returns how many segments a delta update may leave out. */
function countSkippable(segments: readonly SegmentRow[]): number {
  let behindSec = 0
  for (let i = segments.length - 1; i >= 0; i--) {
    behindSec += segments[i]?.durationSec ?? 0
    if (behindSec > SKIP_UNTIL_SEC) return i
  }
  return 0
}

type ListedSegment = { readonly segment: SegmentRow; readonly at: number; readonly isLow: boolean }

function formatSegment(window: PlaylistWindow, rung: string, { segment, at, isLow }: ListedSegment): string[] {
  const { segments, runs, filesBase } = window
  const { epoch, run } = segment
  const before = segments[at - 1]
  const isNewRun = before === undefined || before.epoch !== epoch || before.run !== run
  const shown = chooseRung(findRun(runs, segment)?.rungs.map(({ name }) => name) ?? [], rung)
  const hasParts = isLow && at >= segments.length - SEGMENTS_WITH_PARTS
  return [
    ...(isNewRun && before !== undefined ? ['#EXT-X-DISCONTINUITY'] : []),
    ...(isNewRun ? formatRunStart(filesBase, { epoch, run, rung: shown }, segment.programDateTime) : []),
    ...(hasParts ? formatParts(window, partsOf(window, segment, shown)) : []),
    ...formatFile(segment, `${filesBase}${epoch}/${shown}/`),
  ]
}

/** Returns the lines of a segment's file; a missing one is a gap (RFC 8216bis §4.4.4.7), which players skip. */
function formatFile({ n, durationSec, isMissing }: SegmentRow, folder: string): string[] {
  return [`#EXTINF:${durationSec.toFixed(5)},`, ...(isMissing ? ['#EXT-X-GAP'] : []), `${folder}${n}.m4s`]
}

type RunRef = { readonly epoch: number; readonly run: number; readonly rung: string }

function formatRunStart(filesBase: string, { epoch, run, rung }: RunRef, programDateTime: Date): string[] {
  return [
    `#EXT-X-MAP:URI="${filesBase}${epoch}/${rung}/init-${run}.mp4"`,
    `#EXT-X-PROGRAM-DATE-TIME:${programDateTime.toISOString()}`,
  ]
}

function partsOf({ parts }: PlaylistWindow, { epoch, n }: Pick<SegmentRow, 'epoch' | 'n'>, rung: string): PartEvent[] {
  return (parts ?? []).filter((part) => part.epoch === epoch && part.n === n && part.rung === rung)
}

function formatParts({ partsBase }: PlaylistWindow, parts: readonly PartEvent[]): string[] {
  return parts.map((part) => {
    const independent = part.is_independent ? ',INDEPENDENT=YES' : ''
    return `#EXT-X-PART:DURATION=${part.duration_sec.toFixed(5)},URI="${partAddress(partsBase, part)}"${independent}`
  })
}

function partAddress(base: string, { epoch, rung, n, part }: Pick<PartEvent, 'epoch' | 'rung' | 'n' | 'part'>): string {
  return `${base}${epoch}/${rung}/${n}.${part}.m4s`
}

/** Returns the parts of the segment after the last one, of the rung that the rendition shows. */
function newestParts({ segments, parts }: PlaylistWindow, rung: string): readonly PartEvent[] {
  const last = segments.at(-1)
  const newer = (parts ?? []).filter(
    ({ epoch, n }) => last === undefined || epoch > last.epoch || (epoch === last.epoch && n > last.n),
  )
  const [next] = newer.toSorted((a, b) => a.epoch - b.epoch || a.n - b.n)
  if (next === undefined) return []
  const ofNext = newer.filter(({ epoch, n }) => epoch === next.epoch && n === next.n)
  const shown = chooseRung([...new Set(ofNext.map((part) => part.rung))], rung)
  return ofNext.filter((part) => part.rung === shown).toSorted((a, b) => a.part - b.part)
}

/** Returns the lines of the parts after the last segment, and of the hint at the next part. */
function formatTail(window: PlaylistWindow, tail: readonly PartEvent[]): string[] {
  const [first] = tail
  const last = tail.at(-1)
  if (first === undefined || last === undefined) return []
  const before = window.segments.at(-1)
  const isNewRun = before === undefined || before.epoch !== first.epoch || before.run !== first.run
  const { epoch, run } = first
  const hint = partAddress(window.partsBase, { ...last, part: last.part + 1 })
  return [
    ...(isNewRun && before !== undefined ? ['#EXT-X-DISCONTINUITY'] : []),
    ...(isNewRun
      ? formatRunStart(window.filesBase, { epoch, run, rung: first.rung }, new Date(first.program_date_time))
      : []),
    ...formatParts(window, tail),
    `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${hint}"`,
  ]
}
