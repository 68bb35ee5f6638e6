import { Hono } from 'hono'

import { KERNEL_ERRORS } from '../../../errors.ts'
import { parse, requireJson } from '../../../http/json-body.ts'
import { answers, describe } from '../../../http/openapi.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { originOf } from '../request-origin.ts'
import { ForgotBody, ResetBody, VerifyEmailBody } from '../requests.ts'
import { requireSession } from '../session.ts'
import { requestReset, requestVerification } from './request-mail.ts'
import { resetPassword, verifyEmail } from './use-link.ts'

const TAG = 'Accounts'

const DOCS = {
  verifyEmail: describe(
    TAG,
    'Verify the own e-mail address',
    {
      ...answers(
        204,
        null,
        'With the token of a link: the address is verified. 202 without: a mail with a link follows.',
      ),
      errors: [
        KERNEL_ERRORS.INVALID_CONFIG,
        KERNEL_ERRORS.UNAUTHORIZED,
        LIVE_ERRORS.LINK_INVALID,
        LIVE_ERRORS.MAIL_LIMITED,
        LIVE_ERRORS.MAIL_DISABLED,
      ],
    },
    'none',
  ),
  forgot: describe(
    TAG,
    'Request a mail with a link to reset a forgotten password',
    {
      ...answers(
        202,
        null,
        'If the address is the verified one of an account, a mail follows. The answer is always this.',
      ),
      errors: [KERNEL_ERRORS.INVALID_CONFIG, LIVE_ERRORS.MAIL_LIMITED, LIVE_ERRORS.MAIL_DISABLED],
    },
    'none',
  ),
  reset: describe(
    TAG,
    'Set another password by the token of a link',
    {
      ...answers(204, null, 'The password is changed, and all sessions have ended.'),
      errors: [
        KERNEL_ERRORS.INVALID_CONFIG,
        LIVE_ERRORS.LINK_INVALID,
        LIVE_ERRORS.MAIL_DISABLED,
        KERNEL_ERRORS.GATEWAY_BUSY,
      ],
    },
    'none',
  ),
} as const

/** Returns the API of links by e-mail. */
export function linkRoutes(context: LiveContext): Hono {
  return new Hono()
    .post('/auth/verify-email', DOCS.verifyEmail, requireJson, parse('json', VerifyEmailBody), async (c) => {
      const { token } = c.req.valid('json')
      if (token === undefined) {
        await requestVerification(context, await requireSession(context, c), originOf(context, c))
        return c.body(null, 202)
      }
      await verifyEmail(context, token)
      return c.body(null, 204)
    })
    .post('/auth/forgot', DOCS.forgot, requireJson, parse('json', ForgotBody), async (c) => {
      await requestReset(context, c.req.valid('json'), originOf(context, c))
      return c.body(null, 202)
    })
    .post('/auth/reset', DOCS.reset, requireJson, parse('json', ResetBody), async (c) => {
      await resetPassword(context, c.req.valid('json'), originOf(context, c))
      return c.body(null, 204)
    })
}
