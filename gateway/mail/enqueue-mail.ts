import { newUuid } from '../../shared/ids.ts'
import type { Context } from '../context.ts'
import type { DbOrTx } from '../ports/database.ts'
import { insertMail } from './store/mails.ts'

/** What a mail is about: its system composes it by `kind` and `params` when it is sent. */
export type MailRequest = {
  readonly kind: string
  readonly params: Readonly<Record<string, string>>
  /** After this many seconds it is of no use, and given up. */
  readonly lifeSec: number
}

/**
 * Enqueues a mail: in a transaction, it is sent if, and only if, that is committed; call `sendSoon` afterwards. On
 * a runtime without SMTP, a gateway on Node sends it.
 */
export async function enqueueMail(tx: DbOrTx, { kind, params, lifeSec }: MailRequest): Promise<void> {
  await insertMail(tx, { mailId: newUuid(), kind, params }, lifeSec)
}

/** Wakes the scheduler for mails that were enqueued, where this gateway sends them; another one looks every few seconds. */
export function sendSoon({ sendMail, wake }: Pick<Context, 'sendMail' | 'wake'>): void {
  if (sendMail !== null) wake()
}
