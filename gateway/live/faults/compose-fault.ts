import type { WebhookPayload } from '../../../shared/contract/events.ts'
import type { WebhookMessage } from '../../outbox/enqueue.ts'
import type { FaultEnd, FaultKind } from '../rules/fault-kind.ts'
import type { WatchedBroadcast } from '../store/watched-streams.ts'

/** The broadcast that a fault is about. */
export type FaultyBroadcast = Pick<WatchedBroadcast, 'streamId' | 'userId' | 'title'>

/** The body of a webhook about a fault. */
export type FaultPayload = Omit<WebhookPayload, 'metadata'> & { readonly stream_id: string; readonly title: string }

/** A fault that has begun. `at`: when it was noticed; `since`: when it began, by the time of the stream; both RFC 3339. */
export type BegunFault = {
  readonly kind: FaultKind
  readonly at: string
  readonly since: string
  /** How long it had lasted when it was noticed, and how long it must for that; `null`: the monitor does not say. */
  readonly durationSec: number | null
  readonly thresholdSec: number | null
  /** What cannot be read. */
  readonly failing?: string
}

/** A fault that is over. `at`: when that was noticed; `until`: when it was over, by the time of the stream; both RFC 3339. */
export type EndedFault = {
  readonly kind: FaultKind
  readonly at: string
  readonly since: string
  readonly until: string
  /** Media that it lasted for; `null`: the time from `since` to `until` counts. */
  readonly totalSec: number | null
  readonly reason: FaultEnd
}

/** Returns the webhook about a fault that has begun. */
export function composeBegun(broadcast: FaultyBroadcast, fault: BegunFault): WebhookMessage {
  const { kind, at, since, durationSec, thresholdSec, failing } = fault
  const data = {
    kind,
    started_at: since,
    duration_sec: durationSec ?? secondsFrom(since, at),
    ...(thresholdSec === null ? {} : { threshold_sec: thresholdSec }),
    ...(failing === undefined ? {} : { failing }),
  }
  return compose(broadcast, `fault.${kind}`, { at, data })
}

/** Returns the webhook about a fault that is over. */
export function composeEnded(broadcast: FaultyBroadcast, fault: EndedFault): WebhookMessage {
  const { kind, at, since, until, totalSec, reason } = fault
  const total = totalSec ?? secondsFrom(since, until)
  const data = { kind, started_at: since, recovered_at: until, total_duration_sec: total, reason }
  return compose(broadcast, `fault.${kind}_recovered`, { at, data })
}

function compose(
  { streamId, title }: FaultyBroadcast,
  eventType: string,
  { at, data }: { readonly at: string; readonly data: FaultPayload['data'] },
): WebhookMessage {
  const bodyFor = (eventId: string): FaultPayload => ({
    event_id: eventId,
    event_type: eventType,
    stream_id: streamId,
    title,
    timestamp: at,
    data,
  })
  return { eventType, bodyFor }
}

function secondsFrom(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from)) / 1000
}
