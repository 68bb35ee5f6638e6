import { hashText } from '../../../shared/net/hash.ts'
import { BrokenRule, type ErrorCode } from '../../errors.ts'
import { networkOf } from '../../http/client-address.ts'
import type { DbOrTx } from '../../ports/database.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { countAttempt, forgiveAttempt } from './store/login-failures.ts'

/** Failed attempts within a window after which the next ones must wait for its end. */
const FAILURES = {
  /** Of one account from one address: a stranger elsewhere does not lock its user out. */
  accountFromAddress: 10,
  account: 100,
  address: 50,
}
const WINDOW_SEC = 900

/** What is guessed at: the id of an account, or the login where there is none; and where the guess comes from. */
export type Attempt = { readonly account: string; readonly address: string }

/**
 * Checks a password under the limits of failed attempts. It counts before it checks, so that attempts at one moment do
 * not pass together, and uncounts what succeeds or is refused.
 * @throws BrokenRule LOGIN_LIMITED
 */
export async function checkLimited(
  { db }: LiveContext,
  { account, address }: Attempt,
  check: () => Promise<boolean>,
): Promise<boolean> {
  const network = networkOf(address)
  const limits = new Map([
    [toKey('pair', account, network), FAILURES.accountFromAddress],
    [toKey('account', account), FAILURES.account],
    [toKey('address', network), FAILURES.address],
  ])
  const keys = [...limits.keys()]
  const rows = await countAttempt(db, keys, WINDOW_SEC)
  const full = rows.filter(({ key, failures }) => failures > (limits.get(key) ?? Infinity))
  if (full.length > 0) {
    // No password was checked. If these counted, a stranger at one address would lock the user out everywhere.
    await forgiveAttempt(db, keys)
    const retryAfterSec = Math.max(1, ...full.map(({ endsInSec }) => endsInSec))
    const message = `too many passwords were wrong for this account or from this address; try again in ${retryAfterSec} s`
    throw new BrokenRule(LIVE_ERRORS.LOGIN_LIMITED, message, { retryAfterSec })
  }
  let isWrong = false
  try {
    isWrong = !(await check())
  } finally {
    if (!isWrong) await forgiveAttempt(db, keys)
  }
  return !isWrong
}

/** How often something may be done within a window of time. */
export type ActionLimit = { readonly action: string; readonly max: number; readonly windowSec: number }

/**
 * Counts an action of a user, or of the clients at an address, and refuses it above its limit.
 * @throws BrokenRule the `error`, whose message begins with `problem`
 */
export async function limitAction(
  db: DbOrTx,
  actor: string,
  { action, max, windowSec }: ActionLimit,
  { error, problem }: { readonly error: ErrorCode; readonly problem: string },
): Promise<void> {
  const [counted] = await countAttempt(db, [toKey(action, actor)], windowSec)
  if (counted === undefined || counted.failures <= max) return
  const retryAfterSec = Math.max(1, counted.endsInSec)
  throw new BrokenRule(error, `${problem} in a short time; try again in ${retryAfterSec} s`, { retryAfterSec })
}

/** Returns the key of a counter: a hash, for people type passwords and addresses into the wrong field. */
export function toKey(...parts: readonly string[]): string {
  return hashText(JSON.stringify(parts))
}
