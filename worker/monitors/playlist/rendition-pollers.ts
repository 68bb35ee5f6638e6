import type { SegmentProbe } from '../analyze/analyze-segment.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { isExhausted } from '../state/stall.ts'
import type { RenditionChoice, StreamSource, TrackSelection } from '../stream.ts'
import { INITIAL_POLL_RESULT, pollRendition, type PollResult, type RenditionPoller } from './poll-rendition.ts'
import { identifyRendition } from './rendition-identity.ts'
import { createRenditionSwitch } from './rendition-switch.ts'
import { createTrackSurvey, type TrackSurvey } from './track-survey.ts'

/** Polls the renditions of a stream independently: one that hangs does not hold up the other. */
export type RenditionPollers = AsyncDisposable & {
  /** Polls a source's renditions from now on, and no others. Polls under way are finished. */
  replaceSource(source: StreamSource): void
  isEmpty(): boolean
  /** Reports whether a playlist's URL is gone. */
  hasDeadUrl(): boolean
  /** Starts the polls that are due. Throws the error of a finished poll. */
  startDuePolls(): void
  /** Returns the time of the next poll, in ms since 1970; `Infinity` while all are under way. */
  dueMs(): number
  /**
   * Reports whether the stream is over: a playlist has ended, or the resolver says so (`isEndReported`), and the others
   * have nothing more. At the end of a stream a playlist may lack its EXT-X-ENDLIST, or be gone.
   */
  areOver(isEndReported: boolean): boolean
  /** Resolves once no poll is under way. Throws the error of a finished poll. */
  waitUntilIdle(): Promise<void>
}

/** Creates pollers without a source. `onPolled` is called after each poll. */
export function createRenditionPollers(
  context: MonitorContext,
  createProbe: () => SegmentProbe,
  onPolled: () => void,
): RenditionPollers {
  const probes = createProbePool(createProbe)
  const runner = createPollRunner(context, onPolled, (choices) => {
    const [renditions] = choices
    if (source === null || renditions === undefined) return
    context.log.info('the stream has other tracks than before', { sides: renditions.map(({ tracks }) => tracks) })
    change(survey.arrange({ ...withRenditions(source, renditions, null), choices }))
  })
  const { running } = runner
  let source: StreamSource | null = null

  function watch(next: StreamSource): void {
    source = next
    runner.replace(createPollers(next, { probes, survey }, runner.pollers()))
  }

  function change(next: StreamSource): void {
    observeRenditions(next, context)
    watch(next)
    onPolled()
  }

  const survey = createTrackSurvey(context, { watched: () => source, onFound: change })
  const renditionSwitch = createRenditionSwitch(context, (renditions, problem) => {
    if (source !== null) change(withRenditions(source, renditions, problem))
  })

  return {
    replaceSource(next) {
      const arranged = survey.arrange(next)
      if (arranged.renditions !== next.renditions) observeRenditions(arranged, context)
      watch(arranged)
    },
    isEmpty: () => runner.pollers().length === 0,
    hasDeadUrl: () => runner.pollers().some(({ last }) => last.isUrlDead),
    startDuePolls() {
      runner.rethrow()
      if (source !== null) renditionSwitch.consider(source, runner.pollers())
      runner.startDue()
    },
    dueMs: () => {
      const polls = listIdle(runner.pollers(), running).map(({ last }) => last.dueMs)
      return Math.min(...polls, source === null ? Infinity : renditionSwitch.dueMs(source, runner.pollers()))
    },
    areOver: (isEndReported) =>
      (isEndReported || runner.pollers().some(({ last }) => last.isOver)) &&
      haveNothingMore(runner.pollers(), running, context),
    async waitUntilIdle() {
      await Promise.all([...running.values(), renditionSwitch.waitUntilIdle()])
      runner.rethrow()
    },
    [Symbol.asyncDispose]: () => probes[Symbol.asyncDispose](),
  }
}

/** Runs the polls of the current renditions. */
type PollRunner = {
  pollers(): readonly RenditionPoller[]
  replace(pollers: readonly RenditionPoller[]): void
  /** One poll at a time per track selection, whose probe and cursor pass from poll to poll. */
  readonly running: ReadonlyMap<TrackSelection, Promise<void>>
  startDue(): void
  /** Throws the error of a finished poll. */
  rethrow(): void
}

/** Creates a runner. `onChoices` is called where a stream has other tracks than it had. */
function createPollRunner(
  context: MonitorContext,
  onPolled: () => void,
  onChoices: (choices: readonly RenditionChoice[]) => void,
): PollRunner {
  const running = new Map<TrackSelection, Promise<void>>()
  let pollers: readonly RenditionPoller[] = []
  let failed: { readonly error: unknown } | null = null

  async function poll(poller: RenditionPoller): Promise<void> {
    const { tracks } = poller.rendition
    try {
      const last = await pollRendition(poller, context)
      const isWatched = pollers.includes(poller)
      pollers = pollers.map((each) => (each === poller ? { ...each, last } : withGap(each, tracks, last)))
      if (isWatched && last.choices !== null) onChoices(last.choices)
    } catch (error) {
      failed = { error }
    }
    running.delete(tracks)
    onPolled()
  }

  return {
    pollers: () => pollers,
    replace(next) {
      pollers = next
    },
    running,
    startDue() {
      const due = listIdle(pollers, running).filter(({ last }) => context.clock.nowMs() >= last.dueMs)
      for (const poller of due) running.set(poller.rendition.tracks, poll(poller))
    },
    rethrow() {
      if (failed !== null) throw failed.error
    },
  }
}

/** Creates a poller for each rendition of a source, which continues that of the same tracks. */
function createPollers(
  { renditions }: StreamSource,
  { probes, survey }: { readonly probes: ProbePool; readonly survey: TrackSurvey },
  before: readonly RenditionPoller[],
): readonly RenditionPoller[] {
  return renditions.map((rendition) => {
    const same = before.find((each) => identifyRendition(each.rendition) === identifyRendition(rendition))
    const confirm = same?.confirm ?? survey.createConfirmation(rendition)
    const { tracks } = rendition
    // A probe that was out of use has not seen the segments since.
    const isAfterGap = probes.has(tracks) && !before.some((each) => each.rendition.tracks === tracks)
    const last = { ...INITIAL_POLL_RESULT, isAfterGap }
    const poller = { rendition, probe: probes.get(tracks), confirm, last }
    return continuePoller(poller, before)
  })
}

function listIdle(
  pollers: readonly RenditionPoller[],
  running: ReadonlyMap<TrackSelection, unknown>,
): readonly RenditionPoller[] {
  return pollers.filter(({ rendition }) => !running.has(rendition.tracks))
}

/** Returns a source of which other renditions are watched; `problem`: why not the best. */
function withRenditions(source: StreamSource, renditions: RenditionChoice, problem: string | null): StreamSource {
  const { problem: _, ...unproblematic } = source
  return { ...unproblematic, renditions, ...(problem === null ? {} : { problem }) }
}

function observeRenditions(source: StreamSource, { monitor, clock, log }: MonitorContext): void {
  const { renditions } = source
  const problem = source.problem ?? null
  log.warn('other renditions are watched', { problem })
  const tracks = renditions.map((rendition) => rendition.tracks)
  monitor.observe({ kind: 'renditions', atMs: clock.nowMs(), tracks, problem })
}

function haveNothingMore(
  pollers: readonly RenditionPoller[],
  running: ReadonlyMap<TrackSelection, unknown>,
  context: MonitorContext,
): boolean {
  const hasEach = (poller: RenditionPoller) => hasNothingMore(poller, running.has(poller.rendition.tracks), context)
  return pollers.length > 0 && pollers.every(hasEach)
}

/** Reports whether no more segments are expected of a rendition at the end of the stream. */
function hasNothingMore({ rendition, last }: RenditionPoller, isRunning: boolean, context: MonitorContext): boolean {
  if (last.isOver || last.isUrlDead) return true
  const { phase } = context.monitor.state()
  const hadNothing = (last.isWaiting || last.failures > 0) && !isRunning
  return hadNothing && phase.kind === 'monitoring' && isExhausted(phase.flow, rendition.tracks, context.clock.nowMs())
}

/** Continues the previous poller of the same tracks, if there is one. */
function continuePoller(poller: RenditionPoller, before: readonly RenditionPoller[]): RenditionPoller {
  return before.reduce((next, { rendition, last }) => withGap(next, rendition.tracks, last), poller)
}

/** Passes what concerns the media on to a poller of the same tracks, perhaps at another URL: it shares the probe. */
function withGap(
  poller: RenditionPoller,
  tracks: TrackSelection,
  { isAfterGap, loggedLines }: PollResult,
): RenditionPoller {
  const last = { ...poller.last, isAfterGap, loggedLines }
  return poller.rendition.tracks === tracks ? { ...poller, last } : poller
}

type ProbePool = AsyncDisposable & {
  has(tracks: TrackSelection): boolean
  get(tracks: TrackSelection): SegmentProbe
}

/** Keeps one probe per track selection. What it knows of the previous segment outlives a change of URLs. */
function createProbePool(createProbe: () => SegmentProbe): ProbePool {
  const probes = new Map<TrackSelection, SegmentProbe>()
  return {
    has: (tracks) => probes.has(tracks),
    get(tracks) {
      const probe = probes.get(tracks) ?? createProbe()
      probes.set(tracks, probe)
      return probe
    },
    async [Symbol.asyncDispose]() {
      for (const probe of probes.values()) await probe[Symbol.asyncDispose]()
    },
  }
}
