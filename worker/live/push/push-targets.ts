/**
 * The push of a broadcast to other platforms, in the broadcast's own worker: it has the address of the session and may
 * reach the internet, where the ingest only receives. Each target has its own connection, its own bounded queue and its own
 * retries; all of them are fed by one reader of the ingest, beside the encoder's.
 */

import type { IngestSource } from '../../../shared/contract/live.ts'
import type { TargetOrder, TargetReport } from '../../../shared/contract/live-targets.ts'
import type { Log } from '../../../shared/log.ts'
import { checkRtmpUrl } from '../../../shared/net/rtmp-url.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Fetcher } from '../../platform/http.ts'
import { createMediaFeed, type MediaFeed } from './media-feed.ts'
import type { PushMeans } from './push-once.ts'
import type { PushFailure } from './push-status.ts'
import { readFeed } from './read-feed.ts'
import { runTarget, type RunningTarget } from './run-target.ts'

/** The targets of a broadcast. Disposing of them closes all connections. */
export type PushedTargets = AsyncDisposable & {
  /** Starts to push to new targets, and stops for those that are not named. */
  apply(orders: readonly TargetOrder[]): void
  describe(): readonly TargetReport[]
}

export type PushTargetsOptions = {
  /** Returns the encoder that publishes now, or `null`. */
  readonly source: () => IngestSource | null
  readonly means: PushMeans
  /** Called when the state of a target changes. */
  readonly onChange: () => void
  readonly fetcher: Fetcher
  readonly clock: Clock
  readonly gatewayClock: Clock
  readonly log: Log
}

/** A target that cannot be pushed to at all. */
type UnusableTarget = { readonly failure: PushFailure }

type KeptTarget = RunningTarget | UnusableTarget

/** Longest text of a report. */
const MAX_TEXT = 300

/** Creates an empty set of targets, which reads the ingest as long as there is one. */
export function createPushedTargets(options: PushTargetsOptions): PushedTargets {
  const feed = createMediaFeed()
  const targets = new Map<string, KeptTarget>()
  const removals = new Set<Promise<void>>()
  const stopped = new AbortController()
  const hasRunning = () => [...targets.values()].some((target) => !('failure' in target))
  const reading = readFeed({
    ...options,
    feed,
    source: () => (hasRunning() ? options.source() : null),
    signal: stopped.signal,
  })

  function remove(id: string, target: KeptTarget): void {
    targets.delete(id)
    if ('failure' in target) return
    const removal = target.remove().finally(() => removals.delete(removal))
    removals.add(removal)
  }

  return {
    apply: (orders) => {
      if (stopped.signal.aborted) return
      const wanted = new Set(orders.map((order) => order.target_id))
      for (const [id, target] of targets) if (!wanted.has(id)) remove(id, target)
      for (const { target_id: id, push } of orders) {
        const known = targets.get(id)
        // What makes a target unusable may have changed since the last order, as the policy can.
        if (push === null || (known !== undefined && !('failure' in known))) continue
        const target = startTarget(options, feed, id, push)
        if (known !== undefined && 'failure' in target) continue
        targets.set(id, target)
        options.onChange()
      }
    },
    describe: () => [...targets].map(([id, target]) => describeTarget(id, target)),
    async [Symbol.asyncDispose]() {
      stopped.abort()
      const stops = [...targets.values()].map(async (target) => {
        if (!('failure' in target)) await target[Symbol.asyncDispose]()
      })
      await Promise.all([reading, ...removals, ...stops])
    },
  }
}

type Push = NonNullable<TargetOrder['push']>

function startTarget(
  { means, onChange, log }: PushTargetsOptions,
  feed: MediaFeed,
  id: string,
  push: Push,
): KeptTarget {
  // The gateway has checked it; its guard may have changed since then.
  const checked = checkRtmpUrl(push.url, means.policy)
  if (!checked.ok) return { failure: { problem: 'address_forbidden', reason: `its url ${checked.problem}` } }
  if (push.key === null) {
    const reason =
      'its key cannot be decrypted, because INTERNAL_API_KEY has changed: remove the target and add it again'
    return { failure: { problem: 'key_unreadable', reason } }
  }
  const target = { server: checked.server, key: push.key }
  return runTarget({ target, feed, means, onChange, log: log.with({ target_id: id, host: checked.server.hostname }) })
}

function describeTarget(id: string, target: KeptTarget): TargetReport {
  const status =
    'failure' in target
      ? { state: 'failed' as const, failure: target.failure, bytesSent: 0, bitRateKbps: 0 }
      : target.describe()
  return {
    target_id: id,
    state: status.state,
    problem: status.failure?.problem ?? null,
    reason: status.failure?.reason.slice(0, MAX_TEXT) ?? null,
    bytes_sent: status.bytesSent,
    bit_rate_kbps: status.bitRateKbps,
  }
}
