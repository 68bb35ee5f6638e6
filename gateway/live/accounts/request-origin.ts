import type { Context as HonoContext } from 'hono'

import { deadlineOf } from '../../http/deadline.ts'
import { chooseLanguage } from '../../web/language.ts'
import type { Language } from '../../web/messages.ts'
import type { LiveContext } from '../context.ts'

/** Where a request of a person comes from. */
export type RequestOrigin = {
  readonly address: string
  readonly userAgent: string
  /** The language of the pages, and so of mails that the request causes. */
  readonly language: Language
  /** Aborts when the request is over. */
  readonly signal: AbortSignal
}

/** Returns where a request comes from. */
export function originOf(context: LiveContext, c: HonoContext): RequestOrigin {
  return {
    address: context.clientAddress(c),
    userAgent: c.req.header('user-agent') ?? '',
    language: chooseLanguage(c),
    signal: deadlineOf(c),
  }
}
