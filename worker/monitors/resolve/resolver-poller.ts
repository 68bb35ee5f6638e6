import type { MonitorContext } from '../monitor-context.ts'
import { exceptLeftover } from '../state/leftover-playlist.ts'
import {
  earlyResolveMs,
  isDisrupted,
  nextResolveMs,
  type ResolveIntervals,
  type ResolverAnswer,
} from '../state/schedule.ts'
import type { StreamResolution } from '../stream.ts'

/** Calls the resolver in the background, one call at a time. */
export type ResolverPoller = {
  /**
   * Observes and returns an answer that has arrived, and starts the next call if it is due. `isUrlDead`: a playlist's
   * URL is gone, which makes it due earlier. Throws the error of a finished call.
   */
  poll(isUrlDead: boolean): StreamResolution | null
  /** Reports whether an answer has been observed. */
  hasAnswer(): boolean
  /** Returns the time of the next call, in ms since 1970; `Infinity` while one is under way. */
  dueMs(): number
}

type CallResult = { readonly resolution: StreamResolution } | { readonly error: unknown }

/** Creates a poller whose first `poll` calls the resolver. `onResult` is called when a call has finished. */
export function createResolverPoller(
  context: MonitorContext,
  intervals: ResolveIntervals,
  onResult: () => void,
): ResolverPoller {
  const { monitor, config, client, clock, lifetime, log } = context
  let result: CallResult | null = null
  let isCalling = false
  let last: ResolverAnswer | null = null
  let nextCallMs = -Infinity

  function finish(finished: CallResult): void {
    isCalling = false
    result = finished
    onResult()
  }

  function call(): void {
    isCalling = true
    client.resolve(lifetime.stopping).then(
      (resolution) => finish({ resolution }),
      (error: unknown) => finish({ error }),
    )
  }

  function takeAnswer(): StreamResolution | null {
    const finished = result
    result = null
    if (finished === null) return null
    if ('error' in finished) throw finished.error
    const atMs = clock.nowMs()
    const resolution = exceptLeftover(finished.resolution, { state: monitor.state(), config, atMs })
    const isNews = resolution.kind !== last?.resolution.kind
    log[isNews ? 'info' : 'debug']('resolver answered', { answer: resolution.kind, ...toLogFields(resolution) })
    last = countAnswer({ atMs, resolution }, last, isDisrupted(monitor.state(), atMs))
    monitor.observe({ kind: 'resolved', atMs, resolution })
    nextCallMs = nextResolveMs(last, { state: monitor.state(), config, intervals, random: Math.random })
    return resolution
  }

  /** Moves the next call forward if the stream is disrupted. Backoff after failures still applies. */
  function advanceNextCall(isUrlDead: boolean): void {
    if (last === null) return
    if (isUrlDead || isDisrupted(monitor.state(), clock.nowMs())) {
      nextCallMs = Math.min(nextCallMs, earlyResolveMs(last, intervals))
    }
  }

  return {
    poll(isUrlDead) {
      const resolution = takeAnswer()
      advanceNextCall(isUrlDead && resolution === null)
      if (!isCalling && clock.nowMs() >= nextCallMs) call()
      return resolution
    },
    hasAnswer: () => last !== null,
    dueMs: () => (isCalling ? Infinity : nextCallMs),
  }
}

/** Returns an answer's details for the log, without any URL. */
function toLogFields(resolution: StreamResolution) {
  if (resolution.kind === 'live') return { by: resolution.source.by, renditions: resolution.source.renditions.length }
  return 'message' in resolution ? { reason: resolution.message } : {}
}

/** Adds to an answer the counts that continue from the one before. */
function countAnswer(
  answer: Pick<ResolverAnswer, 'atMs' | 'resolution'>,
  before: ResolverAnswer | null,
  wasDisrupted: boolean,
): ResolverAnswer {
  const { kind } = answer.resolution
  const isFailure = kind === 'passing' || kind === 'blocked'
  return {
    ...answer,
    failures: isFailure ? (before?.failures ?? 0) + 1 : 0,
    disruptedAnswers: wasDisrupted ? (before?.disruptedAnswers ?? 0) + 1 : 0,
  }
}
