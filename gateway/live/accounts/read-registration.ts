import type { LiveContext } from '../context.ts'
import type { Registration } from '../settings.ts'
import { hasUsers } from './store/users.ts'

/** Returns who may register now; `first`: there is no account yet, and the first one may always be created. */
export async function readRegistration({ db, settings }: LiveContext): Promise<Registration | 'first'> {
  return (await hasUsers(db)) ? settings.live.registration : 'first'
}
