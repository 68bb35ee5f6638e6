import type { Context as HonoContext } from 'hono'

import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import { chooseLanguage } from '../../web/language.ts'
import type { Language } from '../../web/messages.ts'
import type { LoadPageAssets, PageAssets } from '../../ports/page-assets.ts'
import { readSession, type SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import type { CountFollowers } from '../follows/follower-counts.ts'
import type { Payments } from '../tips/payments.ts'

/** The context of pages: there are none without assets. */
export type PagesContext = LiveContext & {
  readonly loadPageAssets: LoadPageAssets
  readonly countFollowers: CountFollowers
  /** `null` where there are no tips. */
  readonly payments: Payments | null
}

/** A request for a page, with all that every page needs to know. */
export type Visit = {
  readonly c: HonoContext
  readonly context: PagesContext
  readonly language: Language
  readonly assets: PageAssets
  /** The viewer; `null` for one who is not signed in. */
  readonly signedIn: SignedIn | null
}

/** A visit of a signed-in user. */
export type UserVisit = Visit & { readonly signedIn: SignedIn }

/** Begins a visit. @throws BrokenRule FORBIDDEN where another site makes the browser send it */
export async function beginVisit(context: PagesContext, c: HonoContext): Promise<Visit> {
  const [assets, signedIn] = await Promise.all([context.loadPageAssets(), readSession(context, c)])
  return { c, context, language: chooseLanguage(c), assets, signedIn }
}

/** Returns a handler of a page that anyone may open. */
export function open(
  context: PagesContext,
  show: (visit: Visit) => Promise<Response>,
): (c: HonoContext) => Promise<Response> {
  return async (c) => show(await beginVisit(context, c))
}

/** Returns a handler of a page for signed-in users; others are led to sign in. */
export function openSignedIn(
  context: PagesContext,
  show: (visit: UserVisit) => Promise<Response>,
): (c: HonoContext) => Promise<Response> {
  return async (c) => {
    const visit = await beginVisit(context, c)
    const { signedIn } = visit
    if (signedIn === null) throw new BrokenRule(KERNEL_ERRORS.UNAUTHORIZED, 'sign in to see this page')
    return show({ ...visit, signedIn })
  }
}

/** Returns a handler of a page that there is only where e-mail is on. */
export function openWithMail(
  context: PagesContext,
  show: (visit: Visit) => Promise<Response>,
): (c: HonoContext) => Promise<Response> {
  return async (c) => {
    requireMailPage(context)
    return show(await beginVisit(context, c))
  }
}

/**
 * Refuses a page that there is only where e-mail is on.
 * @throws BrokenRule NOT_FOUND
 */
export function requireMailPage({ settings }: PagesContext): void {
  if (settings.mail === null) throw new BrokenRule(KERNEL_ERRORS.NOT_FOUND, 'this platform sends no e-mail')
}
