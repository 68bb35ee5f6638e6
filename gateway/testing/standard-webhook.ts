import { Webhook } from 'standardwebhooks'

import type { Delivery } from './receiver.ts'

/** Whether a delivery's Standard Webhooks headers are right, by that project's own library. */
export function isStandardWebhook(signingKey: string, delivery: Delivery): boolean {
  const webhook = new Webhook(signingKey, { format: 'raw' })
  try {
    webhook.verify(delivery.body, delivery.headers as Record<string, string>)
    return true
  } catch {
    return false
  }
}
