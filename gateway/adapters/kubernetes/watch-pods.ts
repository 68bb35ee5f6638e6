import * as v from 'valibot'

import type { Log } from '../../../shared/log.ts'
import { LauncherUnavailable } from '../../ports/launcher.ts'
import { pause, startDeadline } from '../call-deadline.ts'
import type { PodClient } from './pod-client.ts'
import { readLines } from './read-lines.ts'

export type PodWatchOptions = {
  readonly client: Pick<PodClient, 'list' | 'watch'>
  readonly selector: string
  /** Called for every change, and once after each gap in which changes may have been missed. */
  readonly onChange: () => void
  readonly log: Log
  readonly timings: WatchTimings
}

export type WatchTimings = {
  /** The time after which the server ends a watch, in s, shortened by up to a fifth so that watches do not end together. */
  readonly timeoutSec: number
  /** A watch without an event for so long counts as dead, in ms. */
  readonly silenceTimeoutMs: number
  /** The first pause after a failure, in ms, doubled each time. A watch that lasted for so long counts as sound. */
  readonly minRetryMs: number
  readonly maxRetryMs: number
}

export const WATCH_TIMINGS: WatchTimings = {
  timeoutSec: 300,
  silenceTimeoutMs: 330_000,
  minRetryMs: 1000,
  maxRetryMs: 30_000,
}

/** The longest `Retry-After` that is obeyed, in ms. */
const MAX_RETRY_AFTER_MS = 60_000

const WatchEvent = v.object({
  type: v.string(),
  object: v.object({
    metadata: v.optional(v.object({ resourceVersion: v.optional(v.string()) })),
    code: v.optional(v.number()),
    message: v.optional(v.string()),
  }),
})

/** One watch, from its request to its end. */
type WatchRun = {
  readonly end: 'closed' | 'expired' | 'broken'
  /** The version from which the next watch continues; `null`: it lists first. */
  readonly resourceVersion: string | null
  readonly isSound: boolean
  readonly error?: unknown
}

/**
 * Watches the Pods of a selector until the signal aborts: lists them, watches from the version of the list, and continues
 * from the last version when a watch ends. Never throws: failures are logged once per outage and retried with backoff.
 */
export async function watchPods(options: PodWatchOptions, signal: AbortSignal): Promise<void> {
  const outage = createOutageLog(options.log)
  let resourceVersion: string | null = null
  let failures = 0
  while (!signal.aborted) {
    const run: WatchRun = await runWatch(options, outage, resourceVersion, signal)
    if (signal.aborted) return
    resourceVersion = run.resourceVersion
    if (run.end === 'broken') outage.begin(run.error)
    if (run.isSound) failures = 0
    const delayMs = retryDelayMs(run, failures, options.timings)
    if (run.end !== 'closed' || !run.isSound) failures += 1
    await pause(delayMs, signal)
  }
}

async function runWatch(
  { client, selector, onChange, timings }: PodWatchOptions,
  outage: OutageLog,
  startVersion: string | null,
  signal: AbortSignal,
): Promise<WatchRun> {
  const silence = startDeadline(timings.silenceTimeoutMs, signal)
  let resourceVersion = startVersion
  let openedMs = Infinity
  const isSound = () => performance.now() - openedMs >= timings.minRetryMs
  try {
    if (resourceVersion === null) {
      resourceVersion = (await client.list({ selector, limit: 1, signal: silence.signal })).resourceVersion
      onChange()
    }
    const timeoutSec = Math.ceil(timings.timeoutSec * (1 - Math.random() / 5))
    const stream = await client.watch({ selector, resourceVersion, timeoutSec }, silence.signal)
    if (stream === 'expired') return { end: 'expired', resourceVersion: null, isSound: false }
    openedMs = performance.now()
    for await (const line of readLines(stream, silence.signal)) {
      silence.restart()
      const event = parseEvent(line)
      if (event === 'expired') return { end: 'expired', resourceVersion: null, isSound: isSound() }
      outage.end()
      resourceVersion = event.resourceVersion ?? resourceVersion
      if (event.isChange && !signal.aborted) onChange()
    }
    return { end: 'closed', resourceVersion, isSound: isSound() }
  } catch (error) {
    // A version that the server refuses to watch from would fail forever, so an unsound watch starts with a new list.
    return { end: 'broken', resourceVersion: isSound() ? resourceVersion : null, isSound: isSound(), error }
  } finally {
    silence.dispose()
  }
}

type WatchedChange = { readonly isChange: boolean; readonly resourceVersion: string | undefined }

/** Parses one line of a watch. @throws the error that the server sends in place of an event */
function parseEvent(line: string): WatchedChange | 'expired' {
  const { type, object } = v.parse(WatchEvent, JSON.parse(line))
  if (type === 'ERROR' && object.code === 410) return 'expired'
  if (type === 'ERROR') throw new Error(object.message ?? 'the server ended the watch with an error')
  return { isChange: type !== 'BOOKMARK', resourceVersion: object.metadata?.resourceVersion }
}

/** Returns the pause before the next watch: none after a sound watch, nor after the first expired version. */
function retryDelayMs({ end, isSound, error }: WatchRun, failures: number, timings: WatchTimings): number {
  if (end === 'closed' && isSound) return 0
  if (end === 'expired' && failures === 0) return 0
  const backoffMs = Math.min(timings.minRetryMs * 2 ** failures, timings.maxRetryMs)
  const retryAfterMs = error instanceof LauncherUnavailable ? (error.retryAfterMs ?? 0) : 0
  return Math.max(backoffMs * (0.8 + Math.random() * 0.4), Math.min(retryAfterMs, MAX_RETRY_AFTER_MS))
}

type OutageLog = { begin(error: unknown): void; end(): void }

/** Creates a log that writes one line when an outage begins and one when it ends. */
function createOutageLog(log: Log): OutageLog {
  let isOut = false
  return {
    begin(error) {
      if (!isOut) log.warn('watch on worker Pods failed, changes are seen at the next reconcile', { error })
      isOut = true
    },
    end() {
      if (isOut) log.info('watch on worker Pods resumed')
      isOut = false
    },
  }
}
