import { BrokenRule } from '../../../errors.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'

/**
 * Refuses where e-mail is off.
 * @throws BrokenRule MAIL_DISABLED
 */
export function requireMail({ settings }: LiveContext): void {
  if (settings.mail !== null) return
  throw new BrokenRule(LIVE_ERRORS.MAIL_DISABLED, 'this platform sends no e-mail (MAIL_FROM and SMTP_URL turn it on)')
}
