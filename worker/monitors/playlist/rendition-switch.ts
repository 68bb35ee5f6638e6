import { demuxSegment } from '../../media/demux/demux-segment.ts'
import { computeBackoffMs } from '../../platform/backoff.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { findNewSegments } from '../state/playlist-cursor.ts'
import type { Outage } from '../state/outage.ts'
import { isStalled } from '../state/stall.ts'
import type { RenditionChoice, StreamRendition, StreamSegment, StreamSource, TrackSelection } from '../stream.ts'
import { fetchMedia } from './fetch-media.ts'
import type { PollResult, RenditionPoller } from './poll-rendition.ts'
import { identifyChoice } from './rendition-identity.ts'

/** Why a rendition is no longer worth waiting for; `null` while it is. */
type RenditionTrouble = 'gone' | 'failing' | 'segments' | 'gaps' | 'stalled' | null

/** Failures in a row after which another rendition is tried: of a URL that is gone, and of any other. */
const GONE_FAILURES = 2
const OTHER_FAILURES = 4

/**
 * Time after which a playlist or segments that cannot be fetched, or several segments that are announced as missing, are
 * worth a try elsewhere, in ms.
 */
const PATIENCE_MS = 10_000

/** Judges a rendition, which is watched since `fromMs`, by its last poll. */
function judgeRendition(poller: JudgedPoller, fromMs: number, context: MonitorContext): RenditionTrouble {
  const { rendition, last } = poller
  const nowMs = context.clock.nowMs()
  if (last.isUrlDead && last.failures >= GONE_FAILURES) return 'gone'
  if (last.failures >= OTHER_FAILURES || nowMs >= failingDueMs(last)) return 'failing'
  if (hasFailingSegments(poller, fromMs, context)) return 'segments'
  if (hasLastingGaps(last, nowMs)) return 'gaps'
  const { phase } = context.monitor.state()
  return phase.kind === 'monitoring' && isStalled(phase.flow, rendition.tracks) ? 'stalled' : null
}

type JudgedPoller = Pick<RenditionPoller, 'rendition' | 'last'>

/** Returns when a failing playlist has failed for long enough: its server may refuse calls for minutes. */
function failingDueMs({ failedFromMs }: PollResult): number {
  return failedFromMs === null ? Infinity : failedFromMs + PATIENCE_MS
}

/** Reports whether one segment, or each of several, cannot be fetched or decoded for too long. */
function hasFailingSegments({ rendition: { tracks }, last }: JudgedPoller, fromMs: number, context: MonitorContext) {
  const nowMs = context.clock.nowMs()
  if (last.retry !== null && nowMs - last.retry.sinceMs >= PATIENCE_MS) return true
  if (last.gaps !== null) return false
  const outages = listSegmentOutages(tracks, context)
  return outages.some(({ sinceMs, lastMs }) => Math.min(nowMs, lastMs) - Math.max(sinceMs, fromMs) >= PATIENCE_MS)
}

function listSegmentOutages(tracks: TrackSelection, { monitor }: MonitorContext): readonly Outage[] {
  return monitor.state().outages.filter(({ failing, sides }) => failing !== 'manifest' && sides === tracks)
}

function hasLastingGaps({ gaps }: PollResult, nowMs: number): boolean {
  return gaps !== null && gaps.count > 1 && nowMs - gaps.sinceMs >= PATIENCE_MS
}

/** Describes a trouble for the event about the choice that is watched instead of the best one. */
function describeTrouble(
  trouble: NonNullable<RenditionTrouble>,
  { error, retry }: PollResult,
  { found, outage }: { readonly found: RenditionChoice; readonly outage: string | null },
): string {
  const what = {
    gone: `its playlist is gone: ${error}`,
    failing: `its playlist cannot be fetched: ${error}`,
    segments: `its segments cannot be fetched: ${retry?.error ?? outage}`,
    gaps: 'its segments are announced as missing (EXT-X-GAP)',
    stalled: 'its playlist stands still',
  }[trouble]
  const isElsewhere = found.some(({ representation }) => (representation?.server ?? 0) > 0)
  const instead = isElsewhere
    ? 'another BaseURL is used instead of the first'
    : 'another rendition is watched instead of the best one'
  return `${instead}, as ${what}`
}

/**
 * Returns the first choice other than `current` that can be watched: every playlist answers, has not ended, and does not
 * have the trouble for which another one was left. `null` where there is none.
 */
async function findWorkingRenditions(
  choices: readonly RenditionChoice[],
  current: readonly StreamRendition[],
  { trouble, context }: { readonly trouble: RenditionTrouble; readonly context: MonitorContext },
): Promise<RenditionChoice | null> {
  for (const choice of choices) {
    if (identifyChoice(choice) === identifyChoice(current) || context.lifetime.stopping.aborted) continue
    const works = await Promise.all(choice.map((rendition) => canWatch(rendition, trouble, context)))
    if (!works.includes(false)) return choice
  }
  return null
}

async function canWatch(
  rendition: StreamRendition,
  trouble: RenditionTrouble,
  context: MonitorContext,
): Promise<boolean> {
  const { client, lifetime, monitor } = context
  const fetched = await client.fetchPlaylist(rendition, lifetime.stopping)
  if (fetched.kind === 'failed' || fetched.playlist.isEnded || fetched.playlist.segments.length === 0) return false
  const { positions } = monitor.state()
  const cursor = positions[rendition.tracks] ?? Object.values(positions)[0] ?? null
  const [next] = findNewSegments(fetched.playlist, cursor).fresh
  if (trouble === 'stalled') return next !== undefined
  const segment = next ?? fetched.playlist.segments.at(-1)
  return segment !== undefined && (await isFreeOf(trouble, segment, context))
}

async function isFreeOf(trouble: RenditionTrouble, segment: StreamSegment, context: MonitorContext): Promise<boolean> {
  if (trouble === 'gaps') return segment.isGap !== true
  if (trouble !== 'segments') return true
  const fetched = await fetchMedia(segment, context)
  return fetched.kind === 'ok' && demuxSegment(fetched, null).kind === 'demuxed'
}

/** Moves a monitor to other renditions while those that it watches are in trouble, and back to the best ones later. */
export type RenditionSwitch = {
  /** Starts looking for other renditions if that is due. */
  consider(source: StreamSource, pollers: readonly RenditionPoller[]): void
  /** Returns the time at which `consider` has something to do next, in ms since 1970; `Infinity` while it looks. */
  dueMs(source: StreamSource, pollers: readonly RenditionPoller[]): number
  /** Resolves once no look is under way. Throws its error. */
  waitUntilIdle(): Promise<void>
}

/** Pauses between two looks for other renditions, and before the best are tried again, in ms. */
const LOOK_AGAIN = { firstMs: 5000, maxMs: 60_000 }
const RETURN = { firstMs: 30_000, maxMs: 5 * 60_000 }

/** When a switch looks for other renditions next. Times are in ms since 1970. */
type LookSchedule = {
  looks: number
  nextLookMs: number
  returns: number
  /** Time of the next look at the best renditions; `null` until they were left. */
  returnMs: number | null
  /** Why the best renditions were left. */
  trouble: RenditionTrouble
  /** Time since which the present renditions are watched. */
  fromMs: number
}

/** What `onFound` of a switch is called with: a choice that works, and why it is not the best; `null` for the best. */
type FoundRenditions = (choice: RenditionChoice, problem: string | null) => void

/** Creates a switch. */
export function createRenditionSwitch(context: MonitorContext, onFound: FoundRenditions): RenditionSwitch {
  const { clock } = context
  const schedule: LookSchedule = {
    looks: 0,
    nextLookMs: -Infinity,
    returns: 0,
    returnMs: null,
    trouble: null,
    fromMs: clock.nowMs(),
  }
  let looking: Promise<void> | null = null
  let failed: { readonly error: unknown } | null = null

  function start(look: Promise<void>): void {
    looking = look
      .catch((error: unknown) => {
        failed = { error }
      })
      .finally(() => {
        looking = null
      })
  }

  return {
    consider(source, pollers) {
      if (failed !== null) throw failed.error
      if (looking !== null || !hasChoices(source)) return
      const troubled = findTroubled(pollers, schedule.fromMs, context)
      const isDue =
        clock.nowMs() >= (troubled === null ? returnDueMs(source, schedule, clock.nowMs()) : schedule.nextLookMs)
      if (troubled === null) schedule.looks = 0
      if (!isDue) return
      start(
        troubled === null
          ? lookBack(source, { schedule, context, onFound })
          : lookElsewhere(source, troubled, { schedule, context, onFound }),
      )
    },
    dueMs(source, pollers) {
      if (looking !== null || !hasChoices(source)) return Infinity
      const nowMs = clock.nowMs()
      const lookMs = pollers.map(({ last }) => Math.max(failingDueMs(last), schedule.nextLookMs))
      return Math.min(returnDueMs(source, schedule, nowMs), ...lookMs.filter((ms) => ms > nowMs))
    },
    async waitUntilIdle() {
      await looking
      if (failed !== null) throw failed.error
    },
  }
}

function hasChoices({ choices = [] }: StreamSource): boolean {
  return choices.length > 1
}

/** Returns the time of the next look at the best renditions; `Infinity` while they are watched. */
function returnDueMs(source: StreamSource, schedule: LookSchedule, nowMs: number): number {
  if (isBest(source)) return Infinity
  schedule.returnMs ??= nowMs + RETURN.firstMs
  return schedule.returnMs
}

type Look = { readonly schedule: LookSchedule; readonly context: MonitorContext; readonly onFound: FoundRenditions }

async function lookElsewhere(
  source: StreamSource,
  { trouble, last, outage }: TroubledRendition,
  { schedule, context, onFound }: Look,
): Promise<void> {
  const { clock } = context
  schedule.looks++
  schedule.nextLookMs = clock.nowMs() + computeBackoffMs(schedule.looks, LOOK_AGAIN)
  const { choices = [], renditions } = source
  const found = await findWorkingRenditions(choices, renditions, { trouble, context })
  if (found === null) return
  if (isBest(source)) schedule.trouble = trouble
  postponeReturn(schedule, clock.nowMs())
  schedule.fromMs = clock.nowMs()
  onFound(found, found === choices[0] ? null : describeTrouble(trouble, last, { found, outage }))
}

async function lookBack(source: StreamSource, { schedule, context, onFound }: Look): Promise<void> {
  postponeReturn(schedule, context.clock.nowMs())
  const best = (source.choices ?? []).slice(0, 1)
  const found = await findWorkingRenditions(best, source.renditions, { trouble: schedule.trouble, context })
  if (found === null) return
  schedule.fromMs = context.clock.nowMs()
  onFound(found, null)
}

function postponeReturn(schedule: LookSchedule, nowMs: number): void {
  schedule.returns++
  schedule.returnMs = nowMs + computeBackoffMs(schedule.returns, RETURN)
}

type TroubledRendition = {
  readonly trouble: NonNullable<RenditionTrouble>
  readonly last: PollResult
  /** The error of its segments' outage. */
  readonly outage: string | null
}

function findTroubled(
  pollers: readonly RenditionPoller[],
  fromMs: number,
  context: MonitorContext,
): TroubledRendition | null {
  for (const { rendition, last } of pollers) {
    const trouble = judgeRendition({ rendition, last }, fromMs, context)
    if (trouble === null) continue
    return { trouble, last, outage: listSegmentOutages(rendition.tracks, context)[0]?.error ?? null }
  }
  return null
}

function isBest({ choices, renditions }: StreamSource): boolean {
  const best = choices?.[0]
  return best === undefined || identifyChoice(best) === identifyChoice(renditions)
}
