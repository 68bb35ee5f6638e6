import { Webhook } from 'standardwebhooks'

import type { Delivery } from './receiver.ts'

/** Returns whether the Standard Webhooks headers of a delivery verify with that project's own library. */
export function isStandardWebhook(signingKey: string, delivery: Delivery): boolean {
  const webhook = new Webhook(signingKey, { format: 'raw' })
  try {
    webhook.verify(delivery.body, delivery.headers as Record<string, string>)
    return true
  } catch {
    return false
  }
}
