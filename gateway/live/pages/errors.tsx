/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Context as HonoContext, ErrorHandler, MiddlewareHandler } from 'hono'

import type { BrokenRule } from '../../errors.ts'
import { createErrorReader } from '../../http/error-response.ts'
import { readSession } from '../accounts/session.ts'
import { MonitorArt } from '../../web/components/art.tsx'
import { chooseLanguage } from '../../web/language.ts'
import { showPage } from './frame.tsx'
import { FRAME_MESSAGES } from './messages/frame.ts'
import { leadToSignIn } from './return-path.ts'
import type { PagesContext, Visit } from './visit.ts'

/** How long a page waits for a database that is away, in seconds. */
const RELOAD_SEC = 5

type FrameText = (typeof FRAME_MESSAGES)['en']
type ErrorTexts = { readonly title: keyof FrameText; readonly text: keyof FrameText }

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
async function showError(
  context: PagesContext,
  c: HonoContext,
  rule: Pick<BrokenRule, 'status' | 'code'>,
): Promise<Response> {
  const language = chooseLanguage(c)
  const signedIn = await readSession(context, c).catch(() => null)
  const visit: Visit = { c, context, language, assets: await context.loadPageAssets(), signedIn }
  const text = FRAME_MESSAGES[language]
  const root = rootOf(c.req.path)
  const { title, text: lead } = textsOf(rule)
  const isGone = rule.status === 503 && rule.code !== 'GATEWAY_BUSY'
  const main = (
    <div class="message-page">
      <MonitorArt lamp={rule.status >= 500 && rule.status !== 503 ? 'alert' : 'off'} />
      <h1>{text[title]}</h1>
      <p>
        {text[lead]} {rule.status === 500 ? <code>{c.get('requestId')}</code> : null}
      </p>
      <div class="actions">
        {rule.status >= 429 ? (
          <a class="button button-primary" href="">
            {text.tryAgain}
          </a>
        ) : null}
        <a class="button" href={`${root}/`}>
          {text.backHome}
        </a>
      </div>
    </div>
  )
  const reload = isGone && c.req.method === 'GET' ? { reload: { sec: RELOAD_SEC } } : {}
  return showPage(visit, { title: text[title], root, main, status: rule.status, ...reload })
}

function textsOf({ status, code }: Pick<BrokenRule, 'status' | 'code'>): ErrorTexts {
  if (code === 'STREAM_NOT_FOUND' || code === 'ARCHIVE_NOT_FOUND') return { title: 'hiddenTitle', text: 'hiddenText' }
  if (code === 'TOO_MANY_FOLLOWS') return { title: 'followsTitle', text: 'followsText' }
  if (status === 404) return { title: 'notFoundTitle', text: 'notFoundText' }
  if (status === 403) return { title: 'forbiddenTitle', text: 'forbiddenText' }
  if (status === 429 || code === 'GATEWAY_BUSY') return { title: 'limitedTitle', text: 'limitedText' }
  if (status === 503) return { title: 'unavailableTitle', text: 'unavailableText' }
  return { title: 'failedTitle', text: 'failedText' }
}

/** Returns the way from a path to the root of the site: `/a` is beside it, `/a/b` one level below. */
function rootOf(path: string): string {
  const depth = path.split('/').length - 2
  return depth <= 0 ? '.' : Array.from({ length: depth }, () => '..').join('/')
}
