import { encryptNotification, vapidHeaders } from '@block65/webcrypto-web-push'

import type { WebhookAnswer } from '../../../ports/webhook-sender.ts'
import { createMessageDelivery, type MessageDelivery } from '../../../queue/deliver-messages.ts'
import { retryPauseMs } from '../../../queue/retry-pause.ts'
import { deleteExpiredMessages, deleteMessage, postponeMessage } from '../../../queue/store/messages.ts'
import type { LiveContext } from '../../context.ts'
import type { PushSettings } from '../../push-settings.ts'
import { NOTICE_LIFE_SEC } from '../../rules/notice-kind.ts'
import { deleteDeadPushSubscription } from '../../store/push-subscriptions.ts'
import { findPushToSend, isOfOtherServices, PUSH_QUEUE, type PushToSend, type QueuedPush } from '../../store/pushes.ts'
import { composePush } from './compose-push.ts'
import { PUSH_ATTEMPTS, type PushOutcome } from './metrics.ts'
import { readVapidKeys, type VapidKeys } from './vapid-keys.ts'

/** Pushes that are sent at a time, where webhooks are not fewer. */
const AT_A_TIME = 40
/** What one push service may have of them: one that does not answer leaves the others the rest. */
const SHARE_OF_SERVICE = 0.8
const ATTEMPT_TIMEOUT_MS = 10_000
/** Longer than one attempt can take. */
const LEASE_SEC = 30
const MAX_RETRY_AFTER_SEC = 600

/** Creates the delivery of the pushes of one gateway. The platform must be known to push services (`settings`). */
export function createPushDelivery(context: LiveContext, settings: PushSettings): MessageDelivery {
  const parts: PushParts = { context, settings, refusal: { isLogged: false } }
  const atATime = Math.min(AT_A_TIME, context.receiversAtATime)
  return createMessageDelivery(context, {
    name: 'pushes',
    queue: PUSH_QUEUE,
    atATime,
    leaseSec: LEASE_SEC,
    share: {
      atATime: Math.ceil(atATime * SHARE_OF_SERVICE),
      receiverOf: ({ service }) => service,
      isForOthers: isOfOtherServices,
    },
    attempt: (push) => attemptPush(parts, push),
  })
}

/** Deletes the pushes that are of no use any more. */
export async function deleteExpiredPushes({ db }: Pick<LiveContext, 'db'>): Promise<void> {
  await deleteExpiredMessages(db, PUSH_QUEUE)
}

type PushParts = {
  readonly context: LiveContext
  readonly settings: PushSettings
  /** Whether it was logged that push services refuse pushes: one line of level `warn` stands for all until one is sent. */
  readonly refusal: { isLogged: boolean }
}

async function attemptPush(parts: PushParts, push: QueuedPush): Promise<void> {
  const { context, settings } = parts
  const { db } = context
  const vapid = await readVapidKeys(context.settings.keys.INTERNAL_API_KEY)
  const toSend = await findPushToSend(db, push.pushId)
  if (toSend === null) return deleteMessage(db, PUSH_QUEUE, push.pushId)
  // A browser that subscribed with the key of another installation takes nothing from this one.
  if (toSend.serverKey !== vapid.publicKey) return deleteDeadPushSubscription(db, push.subscriptionId)
  const answer = await send(context, { ...vapid, ...settings }, toSend)
  const outcome = outcomeOf(answer)
  context.metrics.count(PUSH_ATTEMPTS, { outcome })
  logOutcome(parts, outcome, { attempt: push.attempts, service: new URL(toSend.endpoint).host, ...problemOf(answer) })
  if (outcome === 'gone') return deleteDeadPushSubscription(db, push.subscriptionId)
  if (outcome === 'failed') return postponeMessage(db, PUSH_QUEUE, push.pushId, pauseAfter(push, answer))
  return deleteMessage(db, PUSH_QUEUE, push.pushId)
}

function problemOf(answer: WebhookAnswer): { readonly error?: string } {
  if (answer.kind === 'failed') return { error: answer.error }
  return answer.status < 300 ? {} : { error: `it answered ${answer.status}` }
}

function logOutcome({ context: { log }, refusal }: PushParts, outcome: PushOutcome, fields: object): void {
  if (outcome === 'refused' && !refusal.isLogged) log.warn('push refused, given up', { ...fields })
  else log.info(outcome === 'sent' ? 'push sent' : 'push not sent', { ...fields })
  if (outcome === 'sent' || outcome === 'refused') refusal.isLogged = outcome === 'refused'
}

/** Sends a push by RFC 8030, encrypted for the browser (RFC 8291) and signed by the platform (RFC 8292). */
async function send(
  { sendWebhook }: LiveContext,
  vapid: VapidKeys & PushSettings,
  push: PushToSend,
): Promise<WebhookAnswer> {
  const subscription = {
    endpoint: push.endpoint,
    expirationTime: null,
    keys: { p256dh: push.p256dh, auth: push.auth },
  }
  const [{ headers }, body] = await Promise.all([
    vapidHeaders(subscription, vapid),
    encryptNotification(subscription, new TextEncoder().encode(JSON.stringify(composePush(push)))),
  ])
  return sendWebhook({
    url: push.endpoint,
    headers: {
      ...headers,
      'content-encoding': 'aes128gcm',
      'content-type': 'application/octet-stream',
      ttl: String(Math.max(1, Math.floor(push.leftSec))),
      urgency: NOTICE_LIFE_SEC[push.kind] <= NOTICE_LIFE_SEC.live ? 'high' : 'normal',
    },
    body,
    timeoutMs: ATTEMPT_TIMEOUT_MS,
  })
}

/** Returns what an answer of a push service means (RFC 8030 §5, §7.3). */
function outcomeOf(answer: WebhookAnswer): PushOutcome {
  if (answer.kind === 'failed') return 'failed'
  const { status } = answer
  if (status >= 200 && status < 300) return 'sent'
  if (status === 404 || status === 410) return 'gone'
  return status === 408 || status === 429 || status >= 500 ? 'failed' : 'refused'
}

/** Returns the pause before the next attempt, in ms: at least what the push service requests in seconds. */
function pauseAfter({ attempts }: QueuedPush, answer: WebhookAnswer): number {
  const retryAfter = answer.kind === 'answered' ? answer.retryAfter : null
  const requestedSec = retryAfter !== null && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : 0
  return Math.max(retryPauseMs(attempts, Math.random()), Math.min(requestedSec, MAX_RETRY_AFTER_SEC) * 1000)
}
