/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Context as HonoContext, ErrorHandler, MiddlewareHandler } from 'hono'

import { KERNEL_ERRORS, type BrokenRule } from '../../errors.ts'
import { createErrorReader } from '../../http/error-response.ts'
import { readSession } from '../accounts/session.ts'
import { MonitorArt } from '../../web/components/art.tsx'
import { chooseLanguage } from '../../web/language.ts'
import { showPage } from './frame.tsx'
import { FRAME_MESSAGES } from './messages/frame.ts'
import { leadToSignIn, signInPathOf } from './return-path.ts'
import type { PagesContext, Visit } from './visit.ts'

/** How long a page waits for a database that is away, in seconds. */
const RELOAD_SEC = 5
/** Statuses of a caller that is too fast, and of a failure that is in the log. */
const [LIMITED, INTERNAL] = [429, 500]

type FrameText = (typeof FRAME_MESSAGES)['en']
type ErrorTexts = { readonly title: keyof FrameText; readonly lead: keyof FrameText }
type ShownRule = Pick<BrokenRule, 'status' | 'code'>

/** Returns the handler that answers an error on a page with a page, and leads those who must sign in there. */
export function pageErrors(context: PagesContext): ErrorHandler {
  const readError = createErrorReader(context.log, context.isDatabaseGone)
  return async (error, c) => {
    const rule = readError(error, c)
    if (rule.status === 401) return leadToSignIn(c)
    return showError(context, c, rule)
  }
}

/** Answers browsers with a page where there is none; programs get the error as JSON. */
export function pageNotFound(context: PagesContext): MiddlewareHandler {
  return async (c, next) => {
    await next()
    const wantsPage = c.req.method === 'GET' && (c.req.header('accept') ?? '').includes('text/html')
    if (c.res.status !== 404 || !wantsPage || !isJson(c.res)) return
    c.res = await showError(context, c, { status: 404, code: 'NOT_FOUND' })
  }
}

function isJson(answer: Response): boolean {
  return (answer.headers.get('content-type') ?? '').startsWith('application/json')
}

/** Shows what is wrong, and what to do next. Where no session can be read, it is the page of a visitor. */
async function showError(context: PagesContext, c: HonoContext, rule: ShownRule): Promise<Response> {
  const language = chooseLanguage(c)
  const signedIn = await readSession(context, c).catch(() => null)
  const visit: Visit = { c, context, language, assets: await context.loadPageAssets(), signedIn }
  const text = FRAME_MESSAGES[language]
  const root = rootOf(c.req.path)
  const { title } = textsOf(rule)
  const main = (
    <div class="message-page">
      <MonitorArt lamp={rule.status === INTERNAL ? 'alert' : 'off'} />
      <h1>{text[title]}</h1>
      <p>
        {text[leadOf(rule, visit)]} {rule.status === INTERNAL ? <code>{c.get('requestId')}</code> : null}
      </p>
      <div class="actions">
        <NextStep rule={rule} visit={visit} />
        <a class="button" href={`${root}/`}>
          {text.backHome}
        </a>
      </div>
    </div>
  )
  const reload = isDatabaseGone(rule) && isRead(c) ? { reload: { sec: RELOAD_SEC } } : {}
  return showPage(visit, { title: text[title], root, main, status: rule.status, ...reload })
}

type NextStepParts = { readonly rule: ShownRule; readonly visit: Visit }

/** Renders what to do about an error: the page of a form has no address, so its user goes back. */
function NextStep({ rule, visit: { c, language, signedIn } }: NextStepParts) {
  const text = FRAME_MESSAGES[language]
  if (!isRead(c)) {
    return (
      <button class="button button-primary" type="button" data-back hidden>
        {text.goBack}
      </button>
    )
  }
  if (isHidden(rule) && signedIn === null) {
    return (
      <a class="button button-primary" href={signInPathOf(c)}>
        {text.signIn}
      </a>
    )
  }
  if (rule.status < LIMITED) return null
  return (
    <a class="button button-primary" href="">
      {text.tryAgain}
    </a>
  )
}

const HIDDEN: ErrorTexts = { title: 'hiddenTitle', lead: 'hiddenText' }
const LIMITED_TEXTS: ErrorTexts = { title: 'limitedTitle', lead: 'limitedText' }
const STRIPE: ErrorTexts = { title: 'paymentsTitle', lead: 'paymentsText' }

const TEXTS_OF_CODES: Readonly<Record<string, ErrorTexts>> = {
  STREAM_NOT_FOUND: HIDDEN,
  ARCHIVE_NOT_FOUND: HIDDEN,
  TOO_MANY_FOLLOWS: { title: 'followsTitle', lead: 'followsText' },
  GATEWAY_BUSY: LIMITED_TEXTS,
  DATABASE_UNAVAILABLE: { title: 'unavailableTitle', lead: 'unavailableText' },
  PAYMENT_REFUSED: STRIPE,
  PAYMENTS_UNAVAILABLE: STRIPE,
}

const TEXTS_OF_STATUSES: Readonly<Record<number, ErrorTexts>> = {
  403: { title: 'forbiddenTitle', lead: 'forbiddenText' },
  404: { title: 'notFoundTitle', lead: 'notFoundText' },
  [LIMITED]: LIMITED_TEXTS,
  [INTERNAL]: { title: 'failedTitle', lead: 'failedText' },
}

function textsOf({ status, code }: ShownRule): ErrorTexts {
  const texts = TEXTS_OF_CODES[code] ?? TEXTS_OF_STATUSES[status]
  if (texts !== undefined) return texts
  return status < INTERNAL
    ? { title: 'refusedTitle', lead: 'refusedText' }
    : { title: 'unavailableTitle', lead: 'laterText' }
}

function leadOf(rule: ShownRule, { c, signedIn }: Visit): keyof FrameText {
  if (isHidden(rule) && signedIn !== null) return 'hiddenSignedIn'
  if (isDatabaseGone(rule) && !isRead(c)) return 'unavailableSent'
  return textsOf(rule).lead
}

function isHidden(rule: ShownRule): boolean {
  return textsOf(rule) === HIDDEN
}

function isDatabaseGone({ code }: ShownRule): boolean {
  return code === KERNEL_ERRORS.DATABASE_UNAVAILABLE.code
}

function isRead({ req }: HonoContext): boolean {
  return req.method === 'GET' || req.method === 'HEAD'
}

/** Returns the way from a path to the root of the site: `/a` is beside it, `/a/b` one level below. */
function rootOf(path: string): string {
  const depth = path.split('/').length - 2
  return depth <= 0 ? '.' : Array.from({ length: depth }, () => '..').join('/')
}
