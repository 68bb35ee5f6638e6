import type { Db } from '../../ports/database.ts'
import type { Command } from '../../system.ts'
import { ROLES, type Role } from '../roles.ts'
import { insertAuditEntry } from '../store/audit.ts'
import { findUserByName, updateUserRow } from './store/users.ts'

const USAGE = `usage: npm run user -- grant NAME ROLE, where ROLE is one of ${ROLES.join(', ')}`

/** The command `user grant NAME ROLE`, by which an operator makes the first admin. */
export const userCommand: Command = {
  name: 'user',
  async run(db, [action, name, role, ...more]) {
    if (action !== 'grant' || name === undefined || !isRole(role) || more.length > 0) throw new Error(USAGE)
    return grantRole(db, name, role)
  },
}

function isRole(text: string | undefined): text is Role {
  return ROLES.some((role) => role === text)
}

/** Sets a user's role. It holds from the user's next request on, in every session. */
async function grantRole(db: Db, username: string, role: Role): Promise<string> {
  const user = await findUserByName(db, username)
  if (user === null) throw new Error(`there is no user "${username}"`)
  await db.transaction(async (tx) => {
    await updateUserRow(tx, user.userId, { role })
    const target = { kind: 'user' as const, id: user.userId }
    await insertAuditEntry(tx, { actor: null, action: 'change_role', target, reason: role })
  })
  return `${user.username} is now ${role}`
}
