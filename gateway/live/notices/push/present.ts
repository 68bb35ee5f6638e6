import * as v from 'valibot'

import type { PushSubscription } from '../../store/push-subscriptions.ts'

/** Answer to `GET /notifications/push`. */
export const PushKey = v.object({
  /** The `applicationServerKey` of `pushManager.subscribe`, in base64url. */
  public_key: v.string(),
})
export type PushKey = v.InferOutput<typeof PushKey>

/** Answer to `POST /notifications/push`. */
export const PushSubscriptionView = v.object({
  subscription_id: v.string(),
  created_at: v.pipe(v.string(), v.isoTimestamp()),
})
export type PushSubscriptionView = v.InferOutput<typeof PushSubscriptionView>

/** Returns a browser as its user sees it. */
export function presentPushSubscription({ subscriptionId, createdAt }: PushSubscription): PushSubscriptionView {
  return { subscription_id: subscriptionId, created_at: createdAt.toISOString() }
}
