import { hashText } from '../../../shared/net/hash.ts'
import type { LiveContext } from '../context.ts'
import { isInvitationValid } from './store/invitations.ts'

/** Returns whether a person may still register with an invitation. */
export function confirmInvitation({ transact }: LiveContext, code: string): Promise<boolean> {
  return transact((tx) => isInvitationValid(tx, hashText(code)))
}
