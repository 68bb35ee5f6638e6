import * as v from 'valibot'

import type { Log } from '../../../shared/log.ts'
import { LauncherUnavailable } from '../../workers/launcher.ts'
import { pause, startDeadline } from './call-deadline.ts'
import type { PodClient } from './client.ts'
import { readLines } from './json-lines.ts'

export type Watching = {
  readonly client: Pick<PodClient, 'list' | 'watch'>
  readonly selector: string
  /** Called for every change, and once after each time that changes may have been missed. */
  readonly onChange: () => void
  readonly log: Log
  readonly pace: WatchPace
}

export type WatchPace = {
  /** What the server is asked to end a watch after, in s; up to a fifth less, so that not all come back at once. */
  readonly timeoutSec: number
  /** A watch from which nothing has come for so long is dead, in ms. */
  readonly silentAfterMs: number
  /** The first pause after a failure, in ms, doubled each time; a watch that lived for so long was a sound one. */
  readonly retryMs: number
  readonly longestRetryMs: number
}

export const WATCH_PACE: WatchPace = {
  timeoutSec: 300,
  silentAfterMs: 330_000,
  retryMs: 1000,
  longestRetryMs: 30_000,
}

/** How long a server may ask to be left alone, in ms. */
const LONGEST_RETRY_AFTER_MS = 60_000

const WatchEvent = v.object({
  type: v.string(),
  object: v.object({
    metadata: v.optional(v.object({ resourceVersion: v.optional(v.string()) })),
    code: v.optional(v.number()),
    message: v.optional(v.string()),
  }),
})

/** One watch, from its request to its end. */
type Life = {
  readonly end: 'closed' | 'expired' | 'broken'
  /** Where the next one goes on; `null`: it lists first. */
  readonly since: string | null
  readonly isSound: boolean
  readonly error?: unknown
}

/**
 * Follows the Pods of a selector until the signal aborts: list, then watch from its version, and again from where the
 * last watch ended. Never throws: a failure is one log line for the whole outage, and tried again ever more slowly.
 */
export async function watchPods(watching: Watching, signal: AbortSignal): Promise<void> {
  const outage = createOutage(watching.log)
  let since: string | null = null
  let failures = 0
  while (!signal.aborted) {
    const life: Life = await live(watching, outage, since, signal)
    if (signal.aborted) return
    since = life.since
    if (life.end === 'broken') outage.begin(life.error)
    if (life.isSound) failures = 0
    const pauseMs = pauseAfter(life, failures, watching.pace)
    if (life.end !== 'closed' || !life.isSound) failures += 1
    await pause(pauseMs, signal)
  }
}

async function live(watching: Watching, outage: Outage, from: string | null, signal: AbortSignal): Promise<Life> {
  const { client, selector, onChange, pace } = watching
  const silence = startDeadline(pace.silentAfterMs, signal)
  let since = from
  let openedMs = Infinity
  const isSound = () => performance.now() - openedMs >= pace.retryMs
  try {
    if (since === null) {
      since = (await client.list({ selector, limit: 1, signal: silence.signal })).resourceVersion
      onChange()
    }
    const timeoutSec = Math.ceil(pace.timeoutSec * (1 - Math.random() / 5))
    const stream = await client.watch({ selector, resourceVersion: since, timeoutSec }, silence.signal)
    if (stream === 'expired') return { end: 'expired', since: null, isSound: false }
    openedMs = performance.now()
    for await (const line of readLines(stream, silence.signal)) {
      silence.putOff()
      const event = readEvent(line)
      if (event === 'expired') return { end: 'expired', since: null, isSound: isSound() }
      outage.end()
      since = event.resourceVersion ?? since
      if (event.isChange && !signal.aborted) onChange()
    }
    return { end: 'closed', since, isSound: isSound() }
  } catch (error) {
    // A version that no watch will start from would fail for ever.
    return { end: 'broken', since: isSound() ? since : null, isSound: isSound(), error }
  } finally {
    silence.end()
  }
}

type Seen = { readonly isChange: boolean; readonly resourceVersion: string | undefined }

/** @throws what the server says in place of an event */
function readEvent(line: string): Seen | 'expired' {
  const { type, object } = v.parse(WatchEvent, JSON.parse(line))
  if (type === 'ERROR' && object.code === 410) return 'expired'
  if (type === 'ERROR') throw new Error(object.message ?? 'the server ended the watch with an error')
  return { isChange: type !== 'BOOKMARK', resourceVersion: object.metadata?.resourceVersion }
}

/** None after a sound life, nor after the first version that was too old. */
function pauseAfter({ end, isSound, error }: Life, failures: number, pace: WatchPace): number {
  if (end === 'closed' && isSound) return 0
  if (end === 'expired' && failures === 0) return 0
  const growingMs = Math.min(pace.retryMs * 2 ** failures, pace.longestRetryMs)
  const askedMs = error instanceof LauncherUnavailable ? (error.retryAfterMs ?? 0) : 0
  return Math.max(growingMs * (0.8 + Math.random() * 0.4), Math.min(askedMs, LONGEST_RETRY_AFTER_MS))
}

type Outage = { begin(error: unknown): void; end(): void }

function createOutage(log: Log): Outage {
  let isTold = false
  return {
    begin(error) {
      if (!isTold) log.warn('the watch on workers is broken; they are still listed from time to time', { error })
      isTold = true
    },
    end() {
      if (isTold) log.info('workers are watched again')
      isTold = false
    },
  }
}
