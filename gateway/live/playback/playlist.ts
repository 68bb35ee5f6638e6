/**
 * Playlists of a broadcast (RFC 8216, and its second edition for parts, blocking reloads and delta updates). They are
 * computed from the rows of segments and the newest parts, so that every gateway answers the same.
 */

import type { EncodedRung, PartEvent } from '../../../shared/contract/live.ts'
import { chooseRung } from '../rules/choose-rung.ts'
import { findRun } from '../rules/continuous-runs.ts'
import type { SegmentRow } from '../store/segments.ts'
import { measurePeaks } from './measured-rates.ts'
import { partTargetOf, skipBoundaryOf, targetDurationOf } from './playlist-durations.ts'
import { partsOf } from './playlist-parts.ts'
import { lastPositionOf } from './playlist-position.ts'
import { findTail } from './playlist-tail.ts'
import type { PlaylistWindow } from './playlist-window.ts'

/** Segments whose parts are listed beside them: no more than three target durations from the end (RFC 8216bis §6.2.2). */
const SEGMENTS_WITH_PARTS = 3
/**
 * Players stay this far behind the newest part, in seconds: as long as it takes to replace a live worker, so that they go on
 * meanwhile. The protocol asks for twice the part target at least (RFC 8216bis §4.4.3.8).
 */
const PART_HOLD_BACK_SEC = 2

/**
 * Ends a playlist with parts whose next segment has none yet. hls.js 1.7 counts the last segment twice, and then plays the
 * next one with the initialization segment and at the time of the last one, where no line follows the last segment.
 */
const NO_PART_YET = '# the next segment has no part yet'

/**
 * Returns the multivariant playlist of these segments; `query` is appended to the address of each rendition. A rendition
 * declares what its segments have needed, where that is more than its worker expected.
 */
export function formatMaster(media: Pick<PlaylistWindow, 'segments' | 'runs'>, query: string): string {
  const { runs } = media
  const peakOf = measurePeaks(media)
  const newest = new Map<string, EncodedRung>()
  for (const { rungs } of runs) for (const rung of rungs) newest.set(rung.name, rung)
  const rungs = [...newest.values()].toSorted((a, b) => b.height - a.height)
  return lines([
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    ...rungs.flatMap((rung) => [
      formatVariant({ ...rung, bandwidth: Math.max(rung.bandwidth, peakOf(rung.name)) }),
      `${rung.name}.m3u8${query}`,
    ]),
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
    ...(hasEnded ? ['#EXT-X-ENDLIST'] : formatTail(window, rung)),
    ...(isLow ? formatReports(window, rung) : []),
  ])
}

function formatHead(window: PlaylistWindow, isLow: boolean): string[] {
  const { segments, isRecording, runs, hasEnded } = window
  const [first] = segments
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    `#EXT-X-TARGETDURATION:${targetDurationOf(segments)}`,
    ...(isLow ? formatControl(window) : []),
    `#EXT-X-MEDIA-SEQUENCE:${first?.seq ?? 0}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${findRun(runs, first)?.discontinuity ?? 0}`,
    ...(hasEnded && isRecording ? ['#EXT-X-PLAYLIST-TYPE:VOD'] : []),
  ]
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}

function formatControl(window: PlaylistWindow): string[] {
  const target = partTargetOf(window)
  const control = [
    'CAN-BLOCK-RELOAD=YES',
    `PART-HOLD-BACK=${Math.max(PART_HOLD_BACK_SEC, 3 * target).toFixed(3)}`,
    `HOLD-BACK=${(3 * targetDurationOf(window.segments)).toFixed(1)}`,
    `CAN-SKIP-UNTIL=${skipBoundaryOf(window.segments).toFixed(1)}`,
  ]
  return [`#EXT-X-SERVER-CONTROL:${control.join(',')}`, `#EXT-X-PART-INF:PART-TARGET=${target.toFixed(3)}`]
}

/** Returns how many segments a delta update may leave out. */
function countSkippable(segments: readonly SegmentRow[]): number {
  const boundarySec = skipBoundaryOf(segments)
  let behindSec = 0
  for (let i = segments.length - 1; i >= 0; i--) {
    behindSec += segments[i]?.durationSec ?? 0
    if (behindSec > boundarySec) return i
  }
  return 0
}

/** Returns the reports of the other renditions (RFC 8216bis §4.4.5.4): players that change to one know what comes there. */
function formatReports(window: PlaylistWindow, rung: string): string[] {
  const names = new Set(window.runs.flatMap(({ rungs }) => rungs.map(({ name }) => name)))
  names.delete(rung)
  return [...names].map((name) => {
    const { seq, part } = lastPositionOf(window, name)
    const last = part === null ? `LAST-MSN=${seq}` : `LAST-MSN=${seq},LAST-PART=${part}`
    return `#EXT-X-RENDITION-REPORT:URI="${name}.m3u8",${last}`
  })
}

type ListedSegment = { readonly segment: SegmentRow; readonly at: number; readonly isLow: boolean }

function formatSegment(window: PlaylistWindow, rung: string, { segment, at, isLow }: ListedSegment): string[] {
  const { segments, runs, filesBase } = window
  const { epoch, run } = segment
  const before = segments[at - 1]
  const own = findRun(runs, segment)
  const earlier = findRun(runs, before)
  const isNewRun = earlier === undefined || earlier !== own
  const isContinued = earlier === undefined || earlier.discontinuity === own?.discontinuity
  const shown = chooseRung(own?.rungs.map(({ name }) => name) ?? [], rung)
  const hasParts = isLow && at >= segments.length - SEGMENTS_WITH_PARTS
  return [
    ...(isContinued ? [] : ['#EXT-X-DISCONTINUITY']),
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

function formatParts({ partsBase }: PlaylistWindow, parts: readonly PartEvent[]): string[] {
  return parts.map((part) => {
    const independent = part.is_independent ? ',INDEPENDENT=YES' : ''
    return `#EXT-X-PART:DURATION=${part.duration_sec.toFixed(5)},URI="${partAddress(partsBase, part)}"${independent}`
  })
}

function partAddress(base: string, { epoch, rung, n, part }: Pick<PartEvent, 'epoch' | 'rung' | 'n' | 'part'>): string {
  return `${base}${epoch}/${rung}/${n}.${part}.m4s`
}

/** Returns the lines of the parts after the last segment, and of the hint at the next part. */
function formatTail(window: PlaylistWindow, rendition: string): string[] {
  if (window.parts === null) return []
  const { parts, isNewRun } = findTail(window, rendition)
  const [first] = parts
  const last = parts.at(-1)
  if (first === undefined || last === undefined) return [NO_PART_YET]
  const { epoch, run, rung } = first
  const hint = partAddress(window.partsBase, { ...last, part: last.part + 1 })
  return [
    ...(isNewRun ? formatRunStart(window.filesBase, { epoch, run, rung }, new Date(first.program_date_time)) : []),
    ...formatParts(window, parts),
    `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${hint}"`,
  ]
}
