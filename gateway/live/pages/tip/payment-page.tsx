/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Note } from '../../../web/components/forms.tsx'
import { presentTransaction, type TransactionView } from '../../present-transaction.ts'
import { formatMoneyIn } from '../../rules/money.ts'
import { findOwnTransaction } from '../../tips/find-own-transaction.ts'
import { DoorPage } from '../door.tsx'
import { showPage } from '../frame.tsx'
import { FreshArea, showPart } from '../fresh-area.tsx'
import { TIP_MESSAGES } from '../messages/tips.ts'
import type { UserVisit } from '../visit.ts'
import { requirePageTips } from './takes-tips.ts'

const ROOT = '../..'
/** Interval of looking whether Stripe has stated the payment, in seconds, and how often the page does so. */
const RELOAD_SEC = 2
const MAX_RELOADS = 30
/** The part of the page that is read again by itself. */
const STATE_PART = 'state'

/** The script of the page, as a path below `gateway/`. */
export const PAYMENT_SCRIPT = 'live/pages/browser/payment.ts'

/** Shows the payment of a tip: Stripe's form, and what has become of it. */
export async function showPayment(visit: UserVisit): Promise<Response> {
  const { c, context, signedIn } = visit
  const { payments, publishableKey } = requirePageTips(context)
  const found = await findOwnTransaction(context.db, signedIn, c.req.param('id') ?? '')
  const { status, paymentIntent, senderId } = found.transaction
  const tip = presentTransaction(found, signedIn.user.userId)
  if (!isUnpaid(status) || senderId !== signedIn.user.userId || paymentIntent === null) return showOutcome(visit, tip)
  const result = c.req.query('redirect_status')
  if (result === 'succeeded' || result === 'processing') return showProcessing(visit, tip, result)
  const { clientSecret } = await payments.read(paymentIntent)
  return clientSecret === null ? showOutcome(visit, tip) : showForm(visit, tip, { publishableKey, clientSecret })
}

function isUnpaid(status: TransactionView['status']): boolean {
  return status === 'pending' || status === 'failed'
}

type StripeForm = { readonly publishableKey: string; readonly clientSecret: string }

function showForm(visit: UserVisit, tip: TransactionView, form: StripeForm): Promise<Response> {
  const { c, language } = visit
  const text = TIP_MESSAGES[language]
  const amount = formatMoneyIn(language, tip)
  const title = text.payTitle(amount, nameOf(tip, language))
  const hasFailed = tip.status === 'failed' || c.req.query('redirect_status') === 'failed'
  const main = (
    <DoorPage title={title} lead={text.payLead}>
      {hasFailed ? (
        <Note kind="warning" title={text.failedTitle}>
          {text.failedText}
        </Note>
      ) : null}
      <form class="form" data-payment data-key={form.publishableKey} data-secret={form.clientSecret}>
        <div data-payment-fields></div>
        <p class="problem" role="alert" data-payment-problem data-load-failed={text.loadFailed} hidden></p>
        <div class="actions">
          <button class="button button-primary" type="submit" disabled>
            {text.pay(amount)}
          </button>
          <BackLink tip={tip} language={language} />
        </div>
      </form>
      <noscript>
        <Note kind="alert" title={text.loadFailed} />
      </noscript>
    </DoorPage>
  )
  return showPage(visit, { title, root: ROOT, main, scripts: [PAYMENT_SCRIPT], hasPayment: true })
}

/** Shows that Stripe has taken a payment and not stated it yet; the page looks again for a minute. */
function showProcessing(visit: UserVisit, tip: TransactionView, result: string): Promise<Response> {
  const { c, language } = visit
  const again = `?redirect_status=${result}`
  const reloads = Number(c.req.query('reloads') ?? 0)
  if (!(reloads < MAX_RELOADS)) return showLate(visit, tip, result)
  const text = TIP_MESSAGES[language]
  const title = text.payTitle(formatMoneyIn(language, tip), nameOf(tip, language))
  const main = (
    <DoorPage title={title} lead={text.processing}>
      <div class="actions">
        <BackLink tip={tip} language={language} />
      </div>
    </DoorPage>
  )
  const reload = { sec: RELOAD_SEC, path: `${again}&reloads=${reloads + 1}` }
  return showPage(visit, { title, root: ROOT, main, reload, query: { redirect_status: result } })
}

/** Shows that Stripe has not stated a payment for long; what it states is shown once it does. */
async function showLate(visit: UserVisit, tip: TransactionView, result: string): Promise<Response> {
  const { c, language } = visit
  const text = TIP_MESSAGES[language]
  const late = (
    <DoorPage title={text.lateTitle} lead={text.lateText}>
      <div class="actions">
        <a class="button button-primary" href={`?redirect_status=${result}`}>
          {text.lookAgain}
        </a>
        <BackLink tip={tip} language={language} />
        <ListLink language={language} />
      </div>
    </DoorPage>
  )
  if (c.req.query('part') === STATE_PART) return showPart(c, late)
  const main = (
    <FreshArea part={STATE_PART} query={{ redirect_status: result, reloads: String(MAX_RELOADS) }}>
      {late}
    </FreshArea>
  )
  return showPage(visit, { title: text.lateTitle, root: ROOT, main, query: { redirect_status: result } })
}

async function showOutcome(visit: UserVisit, tip: TransactionView): Promise<Response> {
  const { c, language } = visit
  const text = TIP_MESSAGES[language]
  const { title, lead } = text.outcomes[tip.status]
  const outcome = (
    <DoorPage title={title} lead={lead(nameOf(tip, language))}>
      <p>
        <strong>{formatMoneyIn(language, tip)}</strong> <span class="badge">{text.statuses[tip.status]}</span>
      </p>
      <div class="actions">
        <BackLink tip={tip} language={language} />
        <ListLink language={language} />
      </div>
    </DoorPage>
  )
  if (c.req.query('part') === STATE_PART) return showPart(c, outcome)
  return showPage(visit, { title, root: ROOT, main: <FreshArea part={STATE_PART}>{outcome}</FreshArea> })
}

function ListLink({ language }: Pick<UserVisit, 'language'>) {
  return (
    <a class="button" href={`${ROOT}/tips`}>
      {TIP_MESSAGES[language].list}
    </a>
  )
}

type BackLinkParts = { readonly tip: TransactionView; readonly language: UserVisit['language'] }

/** Renders the link to the broadcast; nothing once it is deleted. */
function BackLink({ tip, language }: BackLinkParts) {
  if (tip.stream_id === null) return null
  return (
    <a class="button" href={`${ROOT}/watch/${tip.stream_id}`}>
      {TIP_MESSAGES[language].back}
    </a>
  )
}

function nameOf({ receiver }: TransactionView, language: UserVisit['language']): string {
  return receiver?.username ?? TIP_MESSAGES[language].someone
}
