import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici'
import { expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { createPayments } from './payments.ts'
import { startStripeStandIn } from './testing/stripe-stand-in.ts'

test('a payment is created also where the package undici serves the fetch of Node, as in a gateway', async () => {
  await using stripe = await startStripeStandIn()
  const { secretKey, webhookSecret, url: apiUrl } = stripe
  const log = createLog('test', 'error', () => {})
  const payments = createPayments({ secretKey, webhookSecret, publishableKey: null, apiUrl }, log)
  const before = getGlobalDispatcher()
  const agent = new Agent()
  setGlobalDispatcher(agent)
  try {
    const order = { transactionId: 'tip-1', amount: 500, currency: 'eur', fee: 0, destination: null, failedCalls: 0 }
    expect((await payments.create(order)).clientSecret).toMatch(/_secret_/)
  } finally {
    setGlobalDispatcher(before)
    await agent.close()
  }
})
