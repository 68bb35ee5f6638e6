import { computeBackoffMs } from '../../platform/backoff.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { findNewSegments } from '../state/playlist-cursor.ts'
import { isStalled } from '../state/stall.ts'
import type { RenditionChoice, StreamRendition, StreamSegment, StreamSource } from '../stream.ts'
import type { PollResult, RenditionPoller } from './poll-rendition.ts'
import { identifyChoice } from './rendition-identity.ts'

/** Why a rendition is no longer worth waiting for; `null` while it is. */
type RenditionTrouble = 'gone' | 'failing' | 'segments' | 'gaps' | 'stalled' | null

/** Failures in a row after which another rendition is tried: of a URL that is gone, and of any other. */
const GONE_FAILURES = 2
const OTHER_FAILURES = 4

/** Time after which a segment that cannot be fetched, or several that are announced as missing, are worth a try elsewhere, in ms. */
const SEGMENT_PATIENCE_MS = 10_000

/** Judges a rendition by its last poll. */
function judgeRendition(
  { rendition: { tracks }, last }: Pick<RenditionPoller, 'rendition' | 'last'>,
  { monitor, clock }: MonitorContext,
): RenditionTrouble {
  if (last.isUrlDead && last.failures >= GONE_FAILURES) return 'gone'
  if (last.failures >= OTHER_FAILURES) return 'failing'
  if (last.retry !== null && clock.nowMs() - last.retry.sinceMs >= SEGMENT_PATIENCE_MS) return 'segments'
  if (hasLastingGaps(last, clock.nowMs())) return 'gaps'
  const { phase } = monitor.state()
  return phase.kind === 'monitoring' && isStalled(phase.flow, tracks) ? 'stalled' : null
}

function hasLastingGaps({ gaps }: PollResult, nowMs: number): boolean {
  return gaps !== null && gaps.count > 1 && nowMs - gaps.sinceMs >= SEGMENT_PATIENCE_MS
}

/** Describes a trouble for the event about the choice that is watched instead of the best one. */
function describeTrouble(
  trouble: NonNullable<RenditionTrouble>,
  { error, retry }: PollResult,
  found: RenditionChoice,
): string {
  const what = {
    gone: `its playlist is gone: ${error}`,
    failing: `its playlist cannot be fetched: ${error}`,
    segments: `its segments cannot be fetched: ${retry?.error}`,
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

async function isFreeOf(
  trouble: RenditionTrouble,
  segment: StreamSegment,
  { client, lifetime }: MonitorContext,
): Promise<boolean> {
  if (trouble === 'gaps') return segment.isGap !== true
  return trouble !== 'segments' || (await client.fetchSegment(segment, lifetime.stopping)).kind === 'ok'
}

/** Moves a monitor to other renditions while those that it watches are in trouble, and back to the best ones later. */
export type RenditionSwitch = {
  /** Starts looking for other renditions if that is due. */
  consider(source: StreamSource, pollers: readonly RenditionPoller[]): void
  /** Returns the time at which `consider` has something to do next, in ms since 1970; `Infinity` while it looks. */
  dueMs(source: StreamSource): number
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
}

/** What `onFound` of a switch is called with: a choice that works, and why it is not the best; `null` for the best. */
type FoundRenditions = (choice: RenditionChoice, problem: string | null) => void

/** Creates a switch. */
export function createRenditionSwitch(context: MonitorContext, onFound: FoundRenditions): RenditionSwitch {
  const { clock } = context
  const schedule: LookSchedule = { looks: 0, nextLookMs: -Infinity, returns: 0, returnMs: null, trouble: null }
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
      const troubled = findTroubled(pollers, context)
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
    dueMs: (source) =>
      looking !== null || !hasChoices(source) ? Infinity : returnDueMs(source, schedule, clock.nowMs()),
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
  { trouble, last }: TroubledRendition,
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
  onFound(found, found === choices[0] ? null : describeTrouble(trouble, last, found))
}

async function lookBack(source: StreamSource, { schedule, context, onFound }: Look): Promise<void> {
  postponeReturn(schedule, context.clock.nowMs())
  const best = (source.choices ?? []).slice(0, 1)
  const found = await findWorkingRenditions(best, source.renditions, { trouble: schedule.trouble, context })
  if (found !== null) onFound(found, null)
}

function postponeReturn(schedule: LookSchedule, nowMs: number): void {
  schedule.returns++
  schedule.returnMs = nowMs + computeBackoffMs(schedule.returns, RETURN)
}

type TroubledRendition = { readonly trouble: NonNullable<RenditionTrouble>; readonly last: PollResult }

function findTroubled(pollers: readonly RenditionPoller[], context: MonitorContext): TroubledRendition | null {
  for (const { rendition, last } of pollers) {
    const trouble = judgeRendition({ rendition, last }, context)
    if (trouble !== null) return { trouble, last }
  }
  return null
}

function isBest({ choices, renditions }: StreamSource): boolean {
  const best = choices?.[0]
  return best === undefined || identifyChoice(best) === identifyChoice(renditions)
}
