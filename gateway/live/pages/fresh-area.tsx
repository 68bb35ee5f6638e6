/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Context as HonoContext } from 'hono'
import type { Child } from 'hono/jsx'

/** Interval of looking for changes, in seconds. */
const REFRESH_SEC = 2

type FreshParts = {
  /** Its name in the address that answers with the newest state. */
  readonly part: string
  /** What else the address needs. */
  readonly query?: Readonly<Record<string, string>>
  readonly class?: string
  readonly children?: Child
}

/** Renders a part of a page that the script of all pages replaces by its newest state. */
export function FreshArea({ part, query = {}, children, ...more }: FreshParts) {
  const address = `?${new URLSearchParams({ part, ...query }).toString()}`
  return (
    <div class={more.class} data-refresh={address} data-every={REFRESH_SEC}>
      {children}
    </div>
  )
}

/** Renders what keeps the named areas of a page up to date, all by one request. */
export function Refresher({ part, query = {} }: Omit<FreshParts, 'class' | 'children'>) {
  const address = `?${new URLSearchParams({ part, ...query }).toString()}`
  return <div hidden data-refresh={address} data-every={REFRESH_SEC} data-refresher></div>
}

type AreaParts = {
  readonly name: string
  /** It is part of a line of text. */
  readonly isInline?: boolean
  readonly children?: Child
}

/** Renders a named area, on its page and in the answer to its refresher. */
export function Area({ name, isInline = false, children }: AreaParts) {
  return isInline ? <span data-area={name}>{children}</span> : <div data-area={name}>{children}</div>
}

/** Answers with the newest state of a part of a page. */
export async function showPart(c: HonoContext, part: Child): Promise<Response> {
  c.header('Cache-Control', 'no-store')
  return c.html(<>{part}</>)
}
