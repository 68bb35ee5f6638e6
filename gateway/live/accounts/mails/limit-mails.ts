import { networkOf } from '../../../http/client-address.ts'
import type { DbOrTx } from '../../../ports/database.ts'
import { toKey } from '../limit-attempts.ts'
import { countAttempt } from '../store/login-failures.ts'

/** What a mail would be sent for: its address, who requests it, and, where that is known, the account. */
export type MailSubject = { readonly email: string; readonly client: string; readonly userId: string | null }

/** Mails within a window: to an address of whatever account; for an account at whatever address; for an address of a client. */
const WINDOWS = [
  { name: 'hour', sec: 3600, receiver: 3, account: 5, client: 30 },
  { name: 'day', sec: 86_400, receiver: 10, account: 20, client: 200 },
] as const

/** The limit that a mail would exceed, and the seconds until that ends. */
export type MailExcess = { readonly by: 'receiver' | 'account' | 'client'; readonly retryAfterSec: number }

/** Counts a mail; returns the limit that it exceeds, that of its client first, or `null`. */
export async function countMail(db: DbOrTx, subject: MailSubject): Promise<MailExcess | null> {
  let found: MailExcess | null = null
  for (const window of WINDOWS) {
    const keys = keysOf(subject, window.name)
    const rows = await countAttempt(
      db,
      keys.map(({ key }) => key),
      window.sec,
    )
    for (const { key, by } of keys) {
      const row = rows.find((one) => one.key === key)
      if (row === undefined || row.failures <= window[by]) continue
      if (found?.by !== 'client') found = { by, retryAfterSec: Math.max(1, row.endsInSec) }
    }
  }
  return found
}

function keysOf({ email, client, userId }: MailSubject, window: string) {
  const keyOf = (by: MailExcess['by'], value: string) => ({ by, key: toKey('mail', window, by, value) })
  return [
    keyOf('receiver', mailboxOf(email)),
    keyOf('client', networkOf(client)),
    ...(userId === null ? [] : [keyOf('account', userId)]),
  ]
}

/** Returns the mailbox of an address: the part behind `+` names none of its own at most providers (RFC 5233). */
function mailboxOf(email: string): string {
  return email.toLowerCase().replace(/\+[^@]*@/, '@')
}
