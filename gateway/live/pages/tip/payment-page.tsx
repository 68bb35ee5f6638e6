/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Note } from '../../../web/components/forms.tsx'
import { presentTransaction, type TransactionView } from '../../present-transaction.ts'
import { formatMoney } from '../../rules/money.ts'
import { findOwnTransaction } from '../../tips/find-own-transaction.ts'
import { DoorPage } from '../door.tsx'
import { showPage } from '../frame.tsx'
import { TIP_MESSAGES } from '../messages/tips.ts'
import type { UserVisit } from '../visit.ts'
import { requirePageTips } from './takes-tips.ts'

const ROOT = '../..'
/** Interval of looking whether Stripe has stated the payment, in seconds. */
const RELOAD_SEC = 2

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
  if (result === 'succeeded' || result === 'processing') return showProcessing(visit, tip)
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
  const amount = formatMoney(tip.amount, tip.currency)
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

function showProcessing(visit: UserVisit, tip: TransactionView): Promise<Response> {
  const text = TIP_MESSAGES[visit.language]
  const title = text.payTitle(formatMoney(tip.amount, tip.currency), nameOf(tip, visit.language))
  const main = (
    <DoorPage title={title} lead={text.processing}>
      <div class="actions">
        <BackLink tip={tip} language={visit.language} />
      </div>
    </DoorPage>
  )
  return showPage(visit, { title, root: ROOT, main, reloadSec: RELOAD_SEC })
}

function showOutcome(visit: UserVisit, tip: TransactionView): Promise<Response> {
  const { language } = visit
  const text = TIP_MESSAGES[language]
  const isPaid = !isUnpaid(tip.status) && tip.status !== 'canceled'
  const title = isPaid ? text.paidTitle : text.failedTitle
  const main = (
    <DoorPage title={title} lead={isPaid ? text.paidText(nameOf(tip, language)) : text.canceledText}>
      <p>
        <strong>{formatMoney(tip.amount, tip.currency)}</strong> <span class="badge">{text.statuses[tip.status]}</span>
      </p>
      <div class="actions">
        <BackLink tip={tip} language={language} />
        <a class="button" href={`${ROOT}/tips`}>
          {text.list}
        </a>
      </div>
    </DoorPage>
  )
  return showPage(visit, { title, root: ROOT, main })
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
