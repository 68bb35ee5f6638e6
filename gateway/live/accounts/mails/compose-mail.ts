import { hashText } from '../../../../shared/net/hash.ts'
import { deriveLinkToken } from '../../../../shared/net/signing.ts'
import type { ComposeMail } from '../../../mail/send-mails.ts'
import type { QueuedMail } from '../../../mail/store/mails.ts'
import { clientUrlOf } from '../../../settings/read-settings.ts'
import { LANGUAGES } from '../../../web/messages.ts'
import type { LiveContext } from '../../context.ts'
import type { LinkPurpose } from '../../schema.ts'
import { ensureLink } from '../store/account-links.ts'
import { findUser, findUserByEmail, type User } from '../store/users.ts'
import { MAIL_MESSAGES } from './messages.ts'

/** The page of each link, below the root of the site. */
const PAGES: Readonly<Record<LinkPurpose, string>> = { verify_email: 'verify-email', reset_password: 'reset' }

/** Returns the composers of the mails about accounts, by their kind. */
export function accountMails(context: LiveContext): ReadonlyMap<LinkPurpose, ComposeMail> {
  const { db } = context
  return new Map<LinkPurpose, ComposeMail>([
    [
      'verify_email',
      async (mail) => {
        const { user_id: userId = '', email } = mail.params
        const user = await findUser(db, userId)
        const isWanted = user !== null && user.email === email && user.emailVerifiedAt === null
        return isWanted ? composeLink(context, 'verify_email', user, mail) : null
      },
    ],
    [
      'reset_password',
      async (mail) => {
        const user = await findUserByEmail(db, mail.params['email'] ?? '')
        // Who gets the mail of an address that is not verified may be a stranger.
        const isWanted = user !== null && user.emailVerifiedAt !== null
        return isWanted ? composeLink(context, 'reset_password', user, mail) : null
      },
    ],
  ])
}

/** Composes the mail with a link, whose token only the mail has; `null` where the link was used already. */
async function composeLink(
  { db, settings }: LiveContext,
  purpose: LinkPurpose,
  user: User,
  { mailId, params, expiresAt }: QueuedMail,
): ReturnType<ComposeMail> {
  const token = deriveLinkToken(settings.keys.INTERNAL_API_KEY, mailId)
  const { userId, username, email } = user
  const link = { tokenHash: hashText(token), userId, purpose, email, expiresAt }
  if (!(await ensureLink(db, link))) return null
  const language = LANGUAGES.find((one) => one === params['language']) ?? 'en'
  const site = clientUrlOf(settings)
  const { subject, text } = MAIL_MESSAGES[language][purpose]
  return { to: email, subject, text: text({ username, site, link: `${site}/${PAGES[purpose]}?token=${token}` }) }
}
