import { Hono } from 'hono'

import { KERNEL_ERRORS } from '../../../errors.ts'
import { parse, requireJson } from '../../../http/json-body.ts'
import { answers, describe } from '../../../http/openapi.ts'
import { originOf } from '../../accounts/request-origin.ts'
import { requireSession } from '../../accounts/session.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { presentPushSubscription, PushKey, PushSubscriptionView } from './present.ts'
import { PushBody } from './requests.ts'
import { readPushKey, replaceSubscription, subscribe, unsubscribePush } from './subscribe.ts'

const TAG = 'Notices'

const DOCS = {
  key: describe(
    TAG,
    'The key that browsers subscribe to pushes with',
    { ...answers(200, PushKey, 'The public key.'), errors: [LIVE_ERRORS.PUSH_DISABLED] },
    'session',
  ),
  subscribe: describe(
    TAG,
    'Send the notices of the user to a browser, as pushes',
    {
      ...answers(201, PushSubscriptionView, 'It is added. 200: it was there.'),
      errors: [KERNEL_ERRORS.INVALID_CONFIG, LIVE_ERRORS.PUSH_DISABLED],
    },
    'session',
  ),
  replace: describe(
    TAG,
    'Replace the subscription of a browser, which its push service has ended',
    {
      ...answers(200, PushSubscriptionView, 'It is replaced.'),
      errors: [KERNEL_ERRORS.INVALID_CONFIG, LIVE_ERRORS.PUSH_DISABLED, LIVE_ERRORS.PUSH_SUBSCRIPTION_NOT_FOUND],
    },
    'session',
  ),
  unsubscribe: describe(
    TAG,
    'Send no more pushes to a browser',
    { ...answers(204, null, 'It is deleted.'), errors: [LIVE_ERRORS.PUSH_SUBSCRIPTION_NOT_FOUND] },
    'session',
  ),
} as const

/** Returns the API of pushes. */
export function pushRoutes(context: LiveContext): Hono {
  return new Hono()
    .get('/notifications/push', DOCS.key, async (c) => {
      await requireSession(context, c)
      return c.json<PushKey>({ public_key: await readPushKey(context) })
    })
    .post('/notifications/push', DOCS.subscribe, requireJson, parse('json', PushBody), async (c) => {
      const signedIn = await requireSession(context, c)
      const request = { body: c.req.valid('json'), origin: originOf(context, c) }
      const { browser, isNew } = await subscribe(context, signedIn, request)
      return c.json(presentPushSubscription(browser), isNew ? 201 : 200)
    })
    .put('/notifications/push/:id', DOCS.replace, requireJson, parse('json', PushBody), async (c) => {
      const signedIn = await requireSession(context, c)
      const request = { body: c.req.valid('json'), origin: originOf(context, c) }
      const browser = await replaceSubscription(context, signedIn, c.req.param('id'), request)
      return c.json<PushSubscriptionView>(presentPushSubscription(browser))
    })
    .delete('/notifications/push/:id', DOCS.unsubscribe, async (c) => {
      await unsubscribePush(context, await requireSession(context, c), c.req.param('id'))
      return c.body(null, 204)
    })
}
