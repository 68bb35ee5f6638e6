/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Context as HonoContext } from 'hono'

import type { Language } from '../../web/messages.ts'
import { BROADCAST_LIST_MESSAGES } from './messages/broadcast-lists.ts'

/** A further page of one of the lists of a page, which then shows that list alone. */
export type ListTurn<Name extends string = string> = { readonly list: Name; readonly cursor: string }

/** Returns which list the address of a page turns to; `null`: the page shows the beginning of each. */
export function readTurn<Name extends string>(c: HonoContext, names: readonly Name[]): ListTurn<Name> | null {
  const list = names.find((name) => name === c.req.query('list'))
  const cursor = c.req.query('cursor')
  return list === undefined || cursor === undefined ? null : { list, cursor }
}

/** Returns the parameters of an address that turns to a list. */
export function turnQuery(turn: ListTurn | null): Readonly<Record<string, string>> {
  return turn === null ? {} : { list: turn.list, cursor: turn.cursor }
}

/** Returns the parameters of the address of a further page of the only list of a page. */
export function cursorQuery(c: HonoContext): Readonly<Record<string, string>> {
  const cursor = c.req.query('cursor')
  return cursor === undefined ? {} : { cursor }
}

type MoreLinkParts = {
  readonly list: string
  /** Leads to the next page; `null` on the last one. */
  readonly cursor: string | null
  readonly language: Language
  /** What else narrows the page. */
  readonly query?: Readonly<Record<string, string>>
}

/** Renders the link to the next page of a list; nothing on the last one. */
export function MoreLink({ list, cursor, language, query = {} }: MoreLinkParts) {
  if (cursor === null) return null
  const text = BROADCAST_LIST_MESSAGES[language]
  const isByTime = list !== 'live'
  return (
    <a
      id={`more-${list}`}
      class="button button-small"
      href={`?${new URLSearchParams({ ...query, list, cursor }).toString()}`}
    >
      {isByTime ? text.older : text.more}
    </a>
  )
}
