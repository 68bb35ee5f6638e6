import { hashText } from '../../../shared/net/hash.ts'
import type { LiveContext } from '../context.ts'
import { newCode } from '../new-code.ts'
import { insertAuditEntry } from '../store/audit.ts'
import type { Invitation } from './present.ts'
import type { SignedIn } from './session.ts'
import { insertInvitation } from './store/invitations.ts'

const LIFE_SEC = 7 * 86_400

/** Creates an invitation that one person may register with, for seven days. */
export async function createInvitation({ transact }: LiveContext, actor: SignedIn): Promise<Invitation> {
  const { userId } = actor.user
  const code = newCode()
  const expiresAt = await transact(async (tx) => {
    const target = { kind: 'user' as const, id: userId }
    await insertAuditEntry(tx, { actor, action: 'create_invitation', target, reason: '' })
    return insertInvitation(tx, { codeHash: hashText(code), createdBy: userId }, LIFE_SEC)
  })
  return { invitation: code, expires_at: expiresAt.toISOString() }
}
