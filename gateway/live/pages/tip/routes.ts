import { Hono, type Context as HonoContext } from 'hono'
import * as v from 'valibot'

import { hashText } from '../../../../shared/net/hash.ts'
import type { BrokenRule } from '../../../errors.ts'
import type { Language } from '../../../web/messages.ts'
import { amountStepOf, formatMoneyIn, parseMoney } from '../../rules/money.ts'
import { createTip } from '../../tips/create-tip.ts'
import { refundTip } from '../../tips/refund-tip.ts'
import { MAX_AMOUNT, MIN_AMOUNT, tipBody, type TipBody } from '../../tips/requests.ts'
import { readForm, tryForm, type FieldProblems, type FormTexts } from '../form-body.ts'
import { TIP_MESSAGES } from '../messages/tips.ts'
import { openSignedIn, type PagesContext, type UserVisit } from '../visit.ts'
import { showTipForm, type TipField } from './form-page.tsx'
import { showTips } from './list-page.tsx'
import { showPayment } from './payment-page.tsx'
import { requirePageTips } from './takes-tips.ts'

/** Returns the pages on which a viewer tips, and those of given and got tips. */
export function tipPageRoutes(context: PagesContext): Hono {
  return new Hono()
    .get('/tip/:stream', (c) => {
      requirePageTips(context)
      return openSignedIn(context, (visit) => showTipForm(visit, { values: {}, problems: {} }))(c)
    })
    .post('/tip/:stream', (c) => submitTip(context, c))
    .get(
      '/tip/:stream/:id',
      openSignedIn(context, (visit) => showPayment(visit)),
    )
    .get(
      '/tips',
      openSignedIn(context, (visit) => showTips(visit)),
    )
    .post('/tips', (c) => submitRefund(context, c))
}

async function submitTip(context: PagesContext, c: HonoContext): Promise<Response> {
  const values = await readForm(context, c)
  const { payments } = requirePageTips(context)
  return openSignedIn(context, async (visit) => {
    const { body, problems } = readTip(visit, values)
    if (body === null) return showTipForm(visit, { values, problems, status: 400 })
    const tried = await tryForm(
      async () => createTip({ context, payments }, visit.signedIn, body, callOf(values['key'] ?? '', body)),
      (rule) => explainRule(rule, visit),
    )
    if ('result' in tried) return c.redirect(`${body.stream_id}/${tried.result.transaction_id}`, 303)
    return showTipForm(visit, { values, problems: tried.problems, status: tried.rule.status })
  })(c)
}

/** Returns the call of a form: sent again unchanged it is the same tip, and changed it is another one. */
function callOf(formKey: string, body: TipBody) {
  const requestHash = hashText(JSON.stringify(body))
  return { scope: 'page', key: hashText(`${formKey} ${requestHash}`), requestHash }
}

type ReadTip = { readonly body: TipBody | null; readonly problems: FieldProblems<TipField> }

function readTip({ c, context, language }: UserVisit, values: FormTexts): ReadTip {
  const text = TIP_MESSAGES[language]
  const { currencies } = context.settings.live.tips
  const currency = currencies.find((one) => one === values['currency']) ?? currencies[0] ?? ''
  const amount = parseMoney(values['amount'] ?? '', currency) ?? -1
  const named = { stream_id: c.req.param('stream'), amount, currency, message: values['message'] ?? '' }
  const parsed = v.safeParse(tipBody(currencies), named)
  if (parsed.success) return { body: parsed.output, problems: {} }
  const wrong = new Set(parsed.issues.map((issue) => v.getDotPath(issue)))
  return {
    body: null,
    problems: {
      ...(wrong.has('amount') ? { amount: explainAmount(amount, currency, language) } : {}),
      ...(wrong.has('message') ? { message: text.messageWrong } : {}),
    },
  }
}

/** Returns what is wrong with an amount: its size, or that it lies between the steps of its currency. */
function explainAmount(amount: number, currency: string, language: Language): string {
  const text = TIP_MESSAGES[language]
  const step = amountStepOf(currency)
  const write = (minor: number) => formatMoneyIn(language, { amount: minor, currency })
  if (amount >= MIN_AMOUNT && amount % step !== 0) return text.amountOffStep(write(step))
  return text.amountWrong(write(MIN_AMOUNT), write(MAX_AMOUNT))
}

function explainRule({ code, details }: BrokenRule, { language }: UserVisit): FieldProblems<TipField> | null {
  const text = TIP_MESSAGES[language]
  switch (code) {
    case 'WORD_BLOCKED':
      return { message: text.wordBlocked }
    case 'CHAT_BANNED':
      return { message: text.banned }
    case 'FOLLOWERS_ONLY':
      return { message: text.followersOnly }
    case 'TIPS_LIMITED':
      return { form: text.limited }
    case 'PAYMENT_REFUSED':
      return { form: text.refused }
    case 'PAYMENTS_UNAVAILABLE':
      return { form: text.unavailable }
    case 'INVALID_CONFIG':
      return JSON.stringify(details).includes('stream_id') ? { form: text.ownBroadcast } : { amount: text.refused }
    default:
      return null
  }
}

async function submitRefund(context: PagesContext, c: HonoContext): Promise<Response> {
  const values = await readForm(context, c)
  const { payments } = requirePageTips(context)
  return openSignedIn(context, async (visit) => {
    const text = TIP_MESSAGES[visit.language]
    const tried = await tryForm(
      () => refundTip({ context, payments }, visit.signedIn, values['id'] ?? ''),
      ({ code }) => {
        if (code === 'TIP_NOT_REFUNDABLE') return { form: text.notRefundable }
        if (code === 'PAYMENT_REFUSED') return { form: text.refundRefused }
        return code === 'PAYMENTS_UNAVAILABLE' ? { form: text.unavailable } : null
      },
    )
    return 'result' in tried ? c.redirect('tips?refunded', 303) : showTips(visit, tried.problems.form)
  })(c)
}
