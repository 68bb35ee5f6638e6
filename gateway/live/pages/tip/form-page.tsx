/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { newUuid } from '../../../../shared/ids.ts'
import { Field, Note } from '../../../web/components/forms.tsx'
import { getStream } from '../../broadcasts/get-stream.ts'
import { writeAmount } from '../../rules/money.ts'
import { MIN_AMOUNT } from '../../tips/requests.ts'
import { DoorPage } from '../door.tsx'
import type { FieldProblems, FormTexts } from '../form-body.ts'
import { showPage } from '../frame.tsx'
import { TIP_MESSAGES } from '../messages/tips.ts'
import type { UserVisit } from '../visit.ts'

const ROOT = '..'
const MAX_MESSAGE = 500
/** The amount that the form proposes, in minor units. */
const DEFAULT_AMOUNT = 5 * MIN_AMOUNT

export type TipField = 'amount' | 'message'

/** What was filled in, and what is wrong with it. */
export type SentTip = {
  readonly values: FormTexts
  readonly problems: FieldProblems<TipField>
  readonly status?: ContentfulStatusCode
}

/** Shows the form by which a viewer tips the owner of a broadcast. */
export async function showTipForm(visit: UserVisit, { values, problems, status = 200 }: SentTip): Promise<Response> {
  const { c, context, language, signedIn } = visit
  const text = TIP_MESSAGES[language]
  const { currencies } = context.settings.live.tips
  const stream = await getStream(context, signedIn, c.req.param('stream') ?? '')
  const title = text.tipOf(stream.user.username)
  const main = (
    <DoorPage title={title} lead={text.lead(stream.title)}>
      {problems.form === undefined ? null : <Note kind="alert" title={problems.form} />}
      <form class="form" method="post">
        <input type="hidden" name="key" value={values['key'] ?? newUuid()} />
        <div class="field-pair">
          <Field
            name="amount"
            label={text.amount}
            value={values['amount'] ?? writeAmount(DEFAULT_AMOUNT, currencies[0] ?? '')}
            problem={problems.amount}
            autocomplete="off"
            maxLength={12}
            isFirst
          />
          <div class="field">
            <label for="currency">{text.currency}</label>
            <select id="currency" name="currency">
              {currencies.map((one) => (
                <option value={one} selected={one === values['currency']}>
                  {one.toUpperCase()}
                </option>
              ))}
            </select>
          </div>
        </div>
        <Field
          name="message"
          label={text.message}
          value={values['message'] ?? ''}
          problem={problems.message}
          maxLength={MAX_MESSAGE}
          autocomplete="off"
          isOptional
        />
        <div class="actions">
          <button class="button button-primary" type="submit">
            {text.next}
          </button>
          <a class="button" href={`${ROOT}/watch/${stream.stream_id}`}>
            {text.back}
          </a>
        </div>
      </form>
    </DoorPage>
  )
  return showPage(visit, { title, root: ROOT, main, status })
}
