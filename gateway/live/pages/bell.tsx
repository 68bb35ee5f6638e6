/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Context as HonoContext } from 'hono'

import { Icon } from '../../web/components/icons.tsx'
import { countUnreadNotices } from '../notices/read-notices.ts'
import { NOTICE_MESSAGES } from './messages/notices.ts'
import type { UserVisit } from './visit.ts'

/** Interval of reading the count again, in seconds, where no events of a broadcast say it. */
const REFRESH_SEC = 2
const MOST_SHOWN = 99

/** A way from a page to the root of the site. */
const ROOT = /^\.(?:\.(?:\/\.\.)*)?$/

/** Where a bell is: what leads from its page to the root of the site, and whether the page is that of the notices. */
type BellPlace = { readonly root: string; readonly isCurrent: boolean }
type BellParts = BellPlace & { readonly visit: UserVisit }

/** Renders the link to the notices with how many are not read. */
export async function Bell({ visit, root, isCurrent }: BellParts) {
  const query = new URLSearchParams({ part: 'bell', root, ...(isCurrent ? { current: '' } : {}) })
  return (
    <span class="bell" data-refresh={`${root}/notices?${query.toString()}`} data-every={REFRESH_SEC}>
      {await BellLink({ visit, root, isCurrent })}
    </span>
  )
}

/** Renders the part of the bell that changes. Where the count cannot be read, there is none. */
export async function BellLink({ visit, root, isCurrent }: BellParts) {
  const { context, signedIn, language } = visit
  const count = await countUnreadNotices(context, signedIn).catch(() => 0)
  const unread = count > MOST_SHOWN ? `${MOST_SHOWN}+` : `${count}`
  const label = NOTICE_MESSAGES[language].bell(unread)
  return (
    <a href={`${root}/notices`} title={label} aria-current={isCurrent ? 'page' : undefined}>
      <Icon name="bell" />
      <span class="for-readers">{label}</span>
      {count === 0 ? null : (
        <span class="bell-count" aria-hidden="true">
          {unread}
        </span>
      )}
    </a>
  )
}

/** Returns the place of the bell that a page reads again. */
export function readBellPlace({ req }: HonoContext): BellPlace {
  const root = req.query('root') ?? '.'
  return { root: ROOT.test(root) ? root : '.', isCurrent: req.query('current') !== undefined }
}
