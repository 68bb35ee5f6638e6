/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Avatar } from '../../../web/components/art.tsx'
import { Note } from '../../../web/components/forms.tsx'
import type { TransactionView } from '../../present-transaction.ts'
import { formatMoneyIn } from '../../rules/money.ts'
import { listTransactions } from '../../tips/list-transactions.ts'
import { Confirm } from '../confirm.tsx'
import { showPage } from '../frame.tsx'
import { FreshArea, showPart } from '../fresh-area.tsx'
import { cursorQuery } from '../list-turn.tsx'
import { TIP_MESSAGES } from '../messages/tips.ts'
import { Moment } from '../moment.tsx'
import type { UserVisit } from '../visit.ts'

const SHOWN = 50
/** The part of the page that is read again by itself. */
const LIST_PART = 'list'

/** Shows the tips that a user has given and got. */
export async function showTips(visit: UserVisit, problem?: string): Promise<Response> {
  const { c, context, signedIn, language } = visit
  const text = TIP_MESSAGES[language]
  const page = { cursor: c.req.query('cursor'), limit: SHOWN }
  const list = await listTransactions(context, signedIn, page)
  if (c.req.query('part') === LIST_PART) return showPart(c, <TipList list={list} visit={visit} />)
  const query = cursorQuery(c)
  const main = (
    <div class="wrap stack">
      <h1>{text.list}</h1>
      <p class="muted">{text.listLead}</p>
      {problem === undefined ? null : <Note kind="alert" title={problem} />}
      {c.req.query('refunded') === undefined ? null : <Note kind="fine" title={text.refundOrdered} />}
      <FreshArea part={LIST_PART} query={query} class="stack">
        <TipList list={list} visit={visit} />
      </FreshArea>
    </div>
  )
  const status = problem === undefined ? 200 : 409
  return showPage(visit, { title: text.list, root: '.', main, status, query })
}

type TipListParts = {
  readonly list: Awaited<ReturnType<typeof listTransactions>>
  readonly visit: UserVisit
}

/** Renders all that changes by itself. */
function TipList({ list: { transactions, next_cursor: cursor }, visit }: TipListParts) {
  const text = TIP_MESSAGES[visit.language]
  return (
    <>
      {transactions.length === 0 ? <p>{text.empty}</p> : null}
      <ul class="notices">
        {transactions.map((tip) => (
          <TipRow tip={tip} visit={visit} />
        ))}
      </ul>
      {cursor === null ? null : (
        <a class="button" href={`?cursor=${encodeURIComponent(cursor)}`}>
          {text.older}
        </a>
      )}
    </>
  )
}

type TipRowParts = { readonly tip: TransactionView; readonly visit: UserVisit }

function TipRow({ tip, visit: { language, signedIn } }: TipRowParts) {
  const text = TIP_MESSAGES[language]
  const isGiven = tip.sender?.user_id === signedIn.user.userId
  const name = (isGiven ? tip.receiver : tip.sender)?.username ?? text.someone
  return (
    <li>
      <Avatar name={name} />
      <div>
        <p>
          <strong>{formatMoneyIn(language, tip)}</strong> {isGiven ? text.given(name) : text.got(name)}{' '}
          <span class="badge">{text.statuses[tip.status]}</span>
        </p>
        <p class="muted small">
          <Moment at={tip.created_at} language={language} />
        </p>
        {tip.message === '' ? null : <p class="quote">{tip.message}</p>}
      </div>
      <TipAction tip={tip} isGiven={isGiven} language={language} />
    </li>
  )
}

type TipActionParts = Pick<TipRowParts, 'tip'> & {
  readonly isGiven: boolean
  readonly language: UserVisit['language']
}

/** Renders what can be done about a tip: its sender completes it, its receiver refunds it. */
function TipAction({ tip, isGiven, language }: TipActionParts) {
  const text = TIP_MESSAGES[language]
  const { status, stream_id: streamId, transaction_id: id } = tip
  if (isGiven && streamId !== null && (status === 'pending' || status === 'failed')) {
    return (
      <a class="button button-small" href={`tip/${streamId}/${id}`}>
        {text.complete}
      </a>
    )
  }
  if (isGiven || status !== 'succeeded') return null
  return (
    <Confirm
      title={text.refund}
      text={text.refundText}
      button={text.refundNow}
      form="refund"
      action="tips"
      fields={{ id }}
    />
  )
}
