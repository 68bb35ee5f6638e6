import { hashText } from '../../../shared/net/hash.ts'
import type { LiveContext } from '../context.ts'
import { newCode } from '../new-code.ts'
import type { Invitation } from './present.ts'
import type { SignedIn } from './session.ts'
import { insertInvitation } from './store/invitations.ts'

const LIFE_SEC = 7 * 86_400

/** Creates an invitation that one person may register with, for seven days. */
export async function createInvitation({ db }: LiveContext, { user }: SignedIn): Promise<Invitation> {
  const code = newCode()
  const expiresAt = await insertInvitation(db, { codeHash: hashText(code), createdBy: user.userId }, LIFE_SEC)
  return { invitation: code, expires_at: expiresAt.toISOString() }
}
