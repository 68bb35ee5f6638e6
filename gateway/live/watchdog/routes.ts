import { Hono } from 'hono'

import { UUID } from '../../../shared/ids.ts'
import { judgeSignatureHeaders } from '../../../shared/net/signing.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import { readBody } from '../../http/body-limit.ts'
import { signatureOf } from '../../http/signed-callback.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_PATH } from '../playback/addresses.ts'
import { applyNews } from './apply-news.ts'
import { readMonitorNews } from './watchdog.ts'

/** Returns the route that receives the webhooks of broadcasts' monitors. */
export function watchdogRoutes(context: LiveContext): Hono {
  return new Hono().post(`${LIVE_PATH}/hooks/:id`, async (c) => {
    const signed = signatureOf(c)
    const isPlausible = judgeSignatureHeaders(signed, Date.now()) === null
    const news = isPlausible ? readMonitorNews(context, { ...signed, body: await readBody(c) }) : 'forged'
    if (news === 'forged') throw new BrokenRule(KERNEL_ERRORS.UNAUTHORIZED, 'this route is for webhooks of monitors')
    const id = c.req.param('id')
    if (news !== 'other' && UUID.test(id)) await applyNews(context, id, news)
    return c.body(null, 204)
  })
}
