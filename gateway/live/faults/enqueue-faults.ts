import { enqueueWebhooks, type WebhookMessage } from '../../outbox/enqueue.ts'
import type { Tx } from '../../ports/database.ts'
import { ALERT_KINDS, type FaultEnd } from '../rules/fault-kind.ts'
import { holdFaultWebhook, type FaultWebhook } from '../store/fault-webhooks.ts'
import { releaseMonitors, releaseMonitorsOfEnded, type WatchedBroadcast } from '../store/watched-streams.ts'
import { composeEnded, type FaultyBroadcast } from './compose-fault.ts'

/** What the subject of an owner's webhooks begins with in the outbox. */
export const FAULT_LANE_PREFIX = 'faults'

/** Returns the subject of an owner's webhooks in the outbox: they arrive in order, those of several broadcasts too. */
export function faultLaneOf(userId: string): string {
  return `${FAULT_LANE_PREFIX}-${userId}`
}

/** Enqueues a webhook to an owner, where the owner has set an address, in the transaction of the change that it is about. */
export async function enqueueToOwner(tx: Tx, userId: string, messages: readonly WebhookMessage[]): Promise<void> {
  if (messages.length === 0) return
  const webhook = await holdFaultWebhook(tx, userId)
  if (webhook !== null) await enqueueTo(tx, webhook, messages)
}

/** Enqueues webhooks to the address of an owner, which the transaction holds. */
export async function enqueueTo(
  tx: Tx,
  { userId, url, secretId }: FaultWebhook,
  messages: readonly WebhookMessage[],
): Promise<void> {
  const receiver = { url, policy: 'patient', traceparent: null, signingKeyId: secretId } as const
  await enqueueWebhooks(tx, faultLaneOf(userId), receiver, messages)
}

/** Releases the monitors of broadcasts; their open faults are over for that reason. */
export async function releaseWatched(tx: Tx, streamIds: readonly string[], reason: FaultEnd): Promise<void> {
  for (const broadcast of await releaseMonitors(tx, streamIds)) await closeFaults(tx, broadcast, reason)
}

/** Releases monitors of broadcasts that have ended, with the faults that were open. */
export async function releaseEnded(tx: Tx): Promise<void> {
  for (const broadcast of await releaseMonitorsOfEnded(tx)) await closeFaults(tx, broadcast, 'broadcast_ended')
}

/** Enqueues that the faults of a broadcast are over which were open when it lost its monitor. */
export async function closeFaults(
  tx: Tx,
  broadcast: FaultyBroadcast & Pick<WatchedBroadcast, 'alerts'>,
  reason: FaultEnd,
): Promise<void> {
  const at = new Date().toISOString()
  const messages = ALERT_KINDS.flatMap((kind) => {
    const since = broadcast.alerts[kind]
    return since === undefined ? [] : [composeEnded(broadcast, { kind, at, since, until: at, totalSec: null, reason })]
  })
  await enqueueToOwner(tx, broadcast.userId, messages)
}
