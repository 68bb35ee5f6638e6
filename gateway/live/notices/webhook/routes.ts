import { Hono } from 'hono'

import { KERNEL_ERRORS } from '../../../errors.ts'
import { parse, requireJson } from '../../../http/json-body.ts'
import { answers, describe } from '../../../http/openapi.ts'
import { requireSession } from '../../accounts/session.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { FaultWebhookSecret, FaultWebhookView } from './present.ts'
import { codeOfFaultWebhook, faultWebhookBody } from './requests.ts'
import { readFaultWebhook, renewFaultSecret, sendTestWebhook, setFaultWebhook } from './set-fault-webhook.ts'

const TAG = 'Notices'

const DOCS = {
  read: describe(
    TAG,
    'Where the faults of the own broadcasts are sent as webhooks',
    { ...answers(200, FaultWebhookView, 'The address, and what became of the newest webhooks.'), errors: [] },
    'session',
  ),
  set: describe(
    TAG,
    'Send the faults of the own broadcasts as webhooks, or no more',
    {
      ...answers(200, FaultWebhookSecret, 'It is set. Where none was set before, the answer has the signing secret.'),
      errors: [KERNEL_ERRORS.INVALID_URL, KERNEL_ERRORS.INVALID_CONFIG],
    },
    'session',
  ),
  renew: describe(
    TAG,
    'Make another signing secret for the webhooks about faults',
    {
      ...answers(200, FaultWebhookSecret, 'The new secret, which signs all webhooks from now on.'),
      errors: [LIVE_ERRORS.WEBHOOK_NOT_FOUND],
    },
    'session',
  ),
  test: describe(
    TAG,
    'Send a test to the address for faults',
    {
      ...answers(202, null, 'It is sent after the webhooks that wait.'),
      errors: [LIVE_ERRORS.WEBHOOK_NOT_FOUND, LIVE_ERRORS.WEBHOOK_LIMITED],
    },
    'session',
  ),
} as const

/** Returns the API of webhooks about faults. */
export function faultWebhookRoutes(context: LiveContext): Hono {
  const body = parse('json', faultWebhookBody(context.settings), codeOfFaultWebhook)
  return new Hono()
    .get('/notifications/webhook', DOCS.read, async (c) =>
      c.json<FaultWebhookView>(await readFaultWebhook(context, await requireSession(context, c))),
    )
    .put('/notifications/webhook', DOCS.set, requireJson, body, async (c) =>
      c.json<FaultWebhookSecret>(await setFaultWebhook(context, await requireSession(context, c), c.req.valid('json'))),
    )
    .post('/notifications/webhook/secret', DOCS.renew, async (c) =>
      c.json<FaultWebhookSecret>(await renewFaultSecret(context, await requireSession(context, c))),
    )
    .post('/notifications/webhook/test', DOCS.test, async (c) => {
      await sendTestWebhook(context, await requireSession(context, c))
      return c.body(null, 202)
    })
}
