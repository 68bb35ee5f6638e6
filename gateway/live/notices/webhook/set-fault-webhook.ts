import { newUuid } from '../../../../shared/ids.ts'
import { deriveWebhookSecret, timingSafeEqual } from '../../../../shared/net/signing.ts'
import { BrokenRule } from '../../../errors.ts'
import { listEvents } from '../../../outbox/store/events.ts'
import { deleteLane, redirectPending } from '../../../outbox/store/lanes.ts'
import type { DbOrTx } from '../../../ports/database.ts'
import { limitAction, type ActionLimit } from '../../accounts/limit-attempts.ts'
import { sessionEnded, type SignedIn } from '../../accounts/session.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { enqueueTo, faultLaneOf } from '../../faults/enqueue-faults.ts'
import {
  deleteFaultWebhook,
  findFaultWebhook,
  holdFaultWebhook,
  putFaultWebhook,
  renewSecretId,
  type FaultWebhook,
} from '../../store/fault-webhooks.ts'
import { presentFaultWebhook, type FaultWebhookSecret, type FaultWebhookView } from './present.ts'
import type { FaultWebhookBody } from './requests.ts'

/** Webhooks of an answer. */
const SHOWN_DELIVERIES = 20
const NEWEST = 2_147_483_647

/** How often a user may send a test. */
const TESTS: ActionLimit = { action: 'test-webhook', max: 10, windowSec: 900 }

/** The event type of a test. */
const TEST_EVENT = 'fault.test'

/** Returns where the faults of the signed-in user's broadcasts are sent, and what became of the newest webhooks. */
export async function readFaultWebhook({ db }: LiveContext, { user }: SignedIn): Promise<FaultWebhookView> {
  return view(db, user.userId, await findFaultWebhook(db, user.userId))
}

/**
 * Sets where the faults of the signed-in user's broadcasts are sent; the first time, the answer has the secret that signs them.
 * What is not delivered yet goes to the new address. Without an address, it is deleted.
 * @throws BrokenRule UNAUTHORIZED where the user is gone
 */
export async function setFaultWebhook(
  context: LiveContext,
  { user: { userId } }: SignedIn,
  { fault_webhook_url: url }: FaultWebhookBody,
): Promise<FaultWebhookSecret> {
  const answer = await context.transact(async (tx) => {
    if (url === null) {
      await deleteFaultWebhook(tx, userId)
      await deleteLane(tx, faultLaneOf(userId))
      return view(tx, userId, null)
    }
    const secretId = newUuid()
    const webhook = await putFaultWebhook(tx, { userId, url, secretId })
    if (webhook === null) throw sessionEnded()
    if (webhook.secretId === secretId) return withSecret(context, await view(tx, userId, webhook), webhook)
    await redirectPending(tx, faultLaneOf(userId), { url, signingKeyId: webhook.secretId })
    return view(tx, userId, webhook)
  })
  context.wake()
  return answer
}

/**
 * Makes another secret for the webhooks of the signed-in user, and returns it. What is not delivered yet is signed by it.
 * @throws BrokenRule WEBHOOK_NOT_FOUND
 */
export async function renewFaultSecret(
  context: LiveContext,
  { user: { userId } }: SignedIn,
): Promise<FaultWebhookSecret> {
  const answer = await context.transact(async (tx) => {
    const webhook = await renewSecretId(tx, userId, newUuid())
    if (webhook === null) throw noWebhook()
    await redirectPending(tx, faultLaneOf(userId), { url: webhook.url, signingKeyId: webhook.secretId })
    return withSecret(context, await view(tx, userId, webhook), webhook)
  })
  context.wake()
  return answer
}

/** Returns whether a secret is the one that signs the webhooks of the signed-in user. */
export async function isFaultSecret(
  { db, settings }: LiveContext,
  { user }: SignedIn,
  secret: string,
): Promise<boolean> {
  const webhook = await findFaultWebhook(db, user.userId)
  if (webhook === null) return false
  return timingSafeEqual(deriveWebhookSecret(settings.keys.INTERNAL_API_KEY, webhook.secretId), secret)
}

/**
 * Sends a test to the address of the signed-in user, after all webhooks that wait.
 * @throws BrokenRule WEBHOOK_NOT_FOUND, WEBHOOK_LIMITED
 */
export async function sendTestWebhook(context: LiveContext, { user: { userId } }: SignedIn): Promise<void> {
  await limitAction(context.db, userId, TESTS, {
    error: LIVE_ERRORS.WEBHOOK_LIMITED,
    problem: 'too many tests were sent',
  })
  await context.transact(async (tx) => {
    const webhook = await holdFaultWebhook(tx, userId)
    if (webhook === null) throw noWebhook()
    const timestamp = new Date().toISOString()
    const bodyFor = (eventId: string) => ({
      event_id: eventId,
      event_type: TEST_EVENT,
      stream_id: null,
      title: null,
      timestamp,
      data: {},
    })
    await enqueueTo(tx, webhook, [{ eventType: TEST_EVENT, bodyFor }])
  })
  context.wake()
}

async function view(db: DbOrTx, userId: string, webhook: FaultWebhook | null): Promise<FaultWebhookView> {
  const events = webhook === null ? [] : await listEvents(db, faultLaneOf(userId), NEWEST, SHOWN_DELIVERIES)
  return presentFaultWebhook(webhook, events)
}

function withSecret(
  { settings }: LiveContext,
  shown: FaultWebhookView,
  { secretId }: FaultWebhook,
): FaultWebhookSecret {
  return { ...shown, signing_secret: deriveWebhookSecret(settings.keys.INTERNAL_API_KEY, secretId) }
}

function noWebhook(): BrokenRule {
  const message = 'you have set no fault_webhook_url; PUT /notifications/webhook sets one'
  return new BrokenRule(LIVE_ERRORS.WEBHOOK_NOT_FOUND, message)
}
