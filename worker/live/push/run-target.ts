import type { Log } from '../../../shared/log.ts'
import { computeBackoffMs } from '../../platform/backoff.ts'
import { sleep } from '../../platform/wake-signal.ts'
import { createRateWindow, type RateWindow } from '../ingest/media/rate-window.ts'
import type { FeedSession, MediaFeed } from './media-feed.ts'
import type { PublishTarget } from './publish-session.ts'
import { pushOnce, type PushMeans } from './push-once.ts'
import {
  afterAcceptance,
  afterAttempt,
  afterPushFailure,
  WAITING,
  type PushFailure,
  type PushStatus,
} from './push-status.ts'

/** A target that a broadcast is pushed to, over all sessions of its encoders. Disposing of it ends that. */
export type RunningTarget = AsyncDisposable & {
  /** Ends the broadcast on the platform, and the push. */
  remove(): Promise<void>
  describe(): PushStatus & { readonly bytesSent: number; readonly bitRateKbps: number }
}

export type RunTargetOptions = {
  readonly target: PublishTarget
  readonly feed: MediaFeed
  readonly means: PushMeans
  /** Called when the state or the failure changes. */
  readonly onChange: () => void
  readonly log: Log
}

const BACKOFF = { firstMs: 1000, maxMs: 30_000 }

/** Starts to push to a target. Whatever the platform does, nothing is thrown, and the feed is never held up. */
export function runTarget(options: RunTargetOptions): RunningTarget {
  const stopped = new AbortController()
  const state: TargetRun = {
    options,
    stopped: stopped.signal,
    isRemoved: false,
    status: WAITING,
    bytesSent: 0,
    rate: createRateWindow(performance.now()),
  }
  const done = pushSessions(state)
  const stop = async () => {
    stopped.abort()
    await done
  }
  return {
    remove: () => {
      state.isRemoved = true
      return stop()
    },
    describe: () => ({
      ...state.status,
      bytesSent: state.bytesSent,
      bitRateKbps: state.status.state === 'live' ? Math.round(state.rate.kbps(performance.now())) : 0,
    }),
    [Symbol.asyncDispose]: stop,
  }
}

type TargetRun = {
  readonly options: RunTargetOptions
  readonly stopped: AbortSignal
  isRemoved: boolean
  status: PushStatus
  bytesSent: number
  rate: RateWindow
}

function setStatus(state: TargetRun, next: PushStatus): void {
  const { status, options } = state
  const isChanged = next.state !== status.state || next.failure?.reason !== status.failure?.reason
  state.status = next
  if (!isChanged) return
  const { failure, failures } = next
  // Words of a foreign server stay out of the log.
  options.log.info('target changed', { state: next.state, problem: failure?.problem ?? null, failures })
  options.onChange()
}

async function pushSessions(state: TargetRun): Promise<void> {
  for (;;) {
    const session = await state.options.feed.waitForSession(state.stopped)
    if (session === null) return
    await pushSession(state, session)
  }
}

async function pushSession(state: TargetRun, session: FeedSession): Promise<void> {
  const isOver = AbortSignal.any([session.ended, state.stopped])
  while (!isOver.aborted) {
    setStatus(state, afterAttempt(state.status))
    const ended = await attemptPush(state, session)
    if (ended === null) break
    setStatus(state, afterPushFailure(state.status, ended.failure, ended.liveMs))
    await sleep(computeBackoffMs(state.status.failures, BACKOFF), isOver)
  }
  setStatus(state, WAITING)
}

type EndedAttempt = { readonly failure: PushFailure; readonly liveMs: number }

async function attemptPush(state: TargetRun, session: FeedSession): Promise<EndedAttempt | null> {
  const { means, target } = state.options
  let acceptedMs: number | null = null
  const failure = await pushOnce({
    means,
    target,
    session,
    stopped: state.stopped,
    isRemoved: () => state.isRemoved,
    onAccepted: () => {
      acceptedMs = performance.now()
      state.bytesSent = 0
      state.rate = createRateWindow(acceptedMs)
      setStatus(state, afterAcceptance(state.status))
    },
    onSent: (bytes) => {
      state.bytesSent += bytes
      state.rate.add(bytes, performance.now())
    },
  })
  return failure === null ? null : { failure, liveMs: acceptedMs === null ? 0 : performance.now() - acceptedMs }
}
