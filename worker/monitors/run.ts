import { createWakeSignal } from '../platform/wake-signal.ts'
import type { SegmentProbe } from './analyze/analyze-segment.ts'
import type { MonitorContext } from './monitor-context.ts'
import { type CaptionPoller, createCaptionPoller } from './playlist/caption-poller.ts'
import { createRenditionPollers, type RenditionPollers } from './playlist/rendition-pollers.ts'
import { createResolverPoller } from './resolve/resolver-poller.ts'
import { isFinal } from './state/monitor-state.ts'
import { nextTickMs, type ResolveIntervals } from './state/schedule.ts'
import type { StreamResolution } from './stream.ts'

export type WatchStreamOptions = MonitorContext & {
  readonly intervals: ResolveIntervals
  readonly createProbe: () => SegmentProbe
}

/**
 * Watches a stream until its end, or until the worker is stopping, which lets the analysis under way finish. The
 * resolver and each rendition are polled in the background and do not hold up each other.
 */
export async function watchStream(options: WatchStreamOptions): Promise<void> {
  const { monitor, lifetime } = options
  const end = new AbortController()
  const watch: WatchStreamOptions = {
    ...options,
    lifetime: {
      stopping: AbortSignal.any([lifetime.stopping, end.signal]),
      killed: AbortSignal.any([lifetime.killed, end.signal]),
    },
  }
  const wakeSignal = createWakeSignal()
  await using pollers = createRenditionPollers(watch, watch.createProbe, wakeSignal.wake)
  const captions = createCaptionPoller(watch, wakeSignal.wake)
  const runRound = createRound(watch, { pollers, captions }, wakeSignal.wake)
  try {
    while (!lifetime.stopping.aborted && !isFinal(monitor.state())) {
      const dueMs = runRound()
      if (!isFinal(monitor.state())) await wakeSignal.wait(dueMs - watch.clock.nowMs(), lifetime.stopping)
    }
  } finally {
    // After the stream's end the analysis under way is worthless.
    if (!lifetime.stopping.aborted) end.abort()
    await Promise.all([pollers.waitUntilIdle(), captions.waitUntilIdle()])
  }
}

type StreamPollers = { readonly pollers: RenditionPollers; readonly captions: CaptionPoller }

/** Returns a function that takes finished work, starts due work and returns the next round's time, in ms since 1970. */
function createRound(
  watch: WatchStreamOptions,
  { pollers, captions }: StreamPollers,
  onResult: () => void,
): () => number {
  const { monitor, clock, config } = watch
  const resolver = createResolverPoller(watch, watch.intervals, onResult)
  let isEndReported = false
  let missingFromMs: number | null = null

  function applyAnswer(answer: StreamResolution): void {
    if ('source' in answer) {
      isEndReported = answer.kind === 'ended'
      pollers.replaceSource(answer.source)
      captions.watch(answer.source.renditions)
    }
    if (!pollers.isEmpty()) return
    missingFromMs ??= clock.nowMs()
    observeMissingSource(answer, watch, missingFromMs)
  }

  return () => {
    const answer = resolver.poll(pollers.hasDeadUrl())
    if (answer !== null) applyAnswer(answer)
    pollers.startDuePolls()
    // Where a URL of the stream is gone, its captions may have gone with it.
    if (!pollers.hasDeadUrl()) captions.startDue()
    const pollMs = Math.min(pollers.dueMs(), pollers.hasDeadUrl() ? Infinity : captions.dueMs())
    const atMs = clock.nowMs()
    if (pollers.areOver(isEndReported)) monitor.observe({ kind: 'stream_over', atMs })
    // Before the resolver's first answer it is unknown whether the stream is late.
    if (!resolver.hasAnswer()) return Math.min(resolver.dueMs(), pollMs)
    monitor.observe({ kind: 'tick', atMs })
    return Math.min(resolver.dueMs(), pollMs, nextTickMs(monitor.state(), config, atMs))
  }
}

/** Observes a playlist failure for a resumed stream that the resolver does not find. */
function observeMissingSource(answer: StreamResolution, { monitor, clock }: WatchStreamOptions, beganMs: number): void {
  if (answer.kind !== 'passing' && answer.kind !== 'upcoming') return
  const error = answer.kind === 'passing' ? answer.message : 'the resolver does not find the stream'
  monitor.observe({ kind: 'playlist_failed', atMs: clock.nowMs(), beganMs, tracks: 'both', error })
}
