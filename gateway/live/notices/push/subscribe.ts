import { newUuid, UUID } from '../../../../shared/ids.ts'
import { hashText } from '../../../../shared/net/hash.ts'
import { checkUrl } from '../../../../shared/net/safe-url.ts'
import { BrokenRule, invalidField } from '../../../errors.ts'
import type { RequestOrigin } from '../../accounts/request-origin.ts'
import { sessionEnded, type SignedIn } from '../../accounts/session.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import type { PushSettings } from '../../push-settings.ts'
import {
  deleteOldPushSubscriptions,
  deletePushSubscription,
  putPushSubscription,
  updatePushSubscription,
  type NewPushSubscription,
  type PushSubscription,
} from '../../store/push-subscriptions.ts'
import type { PushBody } from './requests.ts'
import { decodeBase64Url } from './base64url.ts'
import { readVapidKeys } from './vapid-keys.ts'

/** Browsers of one user. One more takes the place of that which was added first: it is hardly in use. */
const MAX_BROWSERS = 10
const MAX_USER_AGENT = 300

/**
 * Returns the settings of Web Push.
 * @throws BrokenRule PUSH_DISABLED
 */
function requirePush({ settings }: LiveContext): PushSettings {
  if (settings.live.push !== null) return settings.live.push
  throw new BrokenRule(LIVE_ERRORS.PUSH_DISABLED, 'this platform sends no pushes (VAPID_SUBJECT turns them on)')
}

/** Returns the public key that browsers subscribe with. @throws BrokenRule PUSH_DISABLED */
export async function readPushKey(context: LiveContext): Promise<string> {
  requirePush(context)
  return (await readVapidKeys(context.settings.keys.INTERNAL_API_KEY)).publicKey
}

/**
 * Adds a browser of the signed-in user. Repeated, it is the same one; by another user, it is the browser of that one.
 * @throws BrokenRule PUSH_DISABLED, INVALID_CONFIG where the endpoint must not be called
 */
export async function subscribe(
  context: LiveContext,
  signedIn: SignedIn,
  request: BrowserRequest,
): Promise<{ readonly browser: PushSubscription; readonly isNew: boolean }> {
  const { userId } = signedIn.user
  const columns = await readBrowser(context, signedIn, request)
  return context.transact(async (tx) => {
    const put = await putPushSubscription(tx, { ...columns, subscriptionId: newUuid(), userId })
    if (put === null) throw sessionEnded()
    await deleteOldPushSubscriptions(tx, userId, MAX_BROWSERS)
    return put
  })
}

/**
 * Replaces the subscription of a browser of the signed-in user, which its push service has ended.
 * @throws BrokenRule PUSH_DISABLED, PUSH_SUBSCRIPTION_NOT_FOUND, INVALID_CONFIG where the endpoint must not be called
 */
export async function replaceSubscription(
  context: LiveContext,
  signedIn: SignedIn,
  subscriptionId: string,
  request: BrowserRequest,
): Promise<PushSubscription> {
  const columns = await readBrowser(context, signedIn, request)
  if (!UUID.test(subscriptionId)) throw noSubscription()
  const own = { subscriptionId, userId: signedIn.user.userId }
  const replaced = await context.transact((tx) => updatePushSubscription(tx, own, columns))
  if (replaced === null) throw noSubscription()
  return replaced
}

/** The subscription of a browser, and where it is stated from. */
type BrowserRequest = { readonly body: PushBody; readonly origin: RequestOrigin }

async function readBrowser(
  context: LiveContext,
  { sessionId }: SignedIn,
  { body: { endpoint, keys }, origin: { userAgent, language } }: BrowserRequest,
): Promise<Omit<NewPushSubscription, 'subscriptionId' | 'userId'>> {
  const serverKey = await readPushKey(context)
  const checked = checkUrl(endpoint, context.settings)
  if (!checked.ok) throw invalidField('endpoint', checked.problem)
  if (checked.url.protocol !== 'https:') throw invalidField('endpoint', 'must be an https URL')
  if (!(await isPublicKey(keys.p256dh))) throw invalidField('keys.p256dh', 'must be a point of P-256')
  return {
    sessionId,
    endpointHash: hashText(checked.url.href),
    endpoint: checked.url.href,
    ...keys,
    serverKey,
    userAgent: userAgent.slice(0, MAX_USER_AGENT),
    language,
  }
}

async function isPublicKey(p256dh: string): Promise<boolean> {
  try {
    await crypto.subtle.importKey('raw', decodeBase64Url(p256dh), { name: 'ECDH', namedCurve: 'P-256' }, false, [])
    return true
  } catch {
    return false
  }
}

/** Deletes a browser of the signed-in user. @throws BrokenRule PUSH_SUBSCRIPTION_NOT_FOUND */
export async function unsubscribePush({ db }: LiveContext, { user }: SignedIn, id: string): Promise<void> {
  if (UUID.test(id) && (await deletePushSubscription(db, user.userId, id))) return
  throw noSubscription()
}

function noSubscription(): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.PUSH_SUBSCRIPTION_NOT_FOUND, 'you have no push subscription of this id')
}
