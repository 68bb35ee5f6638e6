import { includesRole, type Role } from '../roles.ts'
import type { Visibility } from './visibility.ts'

/** Whether a viewer may watch; `followers`: if the viewer follows the owner. */
export type Access = 'granted' | 'followers' | 'denied'

/** What decides who may watch a broadcast or a recording. */
export type Watched = { readonly visibility: Visibility; readonly userId: string }

/** Who would watch; `null`: a viewer who is not signed in. */
export type Viewer = { readonly user: { readonly userId: string; readonly role: Role } } | null

/**
 * Returns whether a viewer may watch: everyone what is public or unlisted, followers and moderators of the platform what is
 * for followers, its owner all.
 */
export function accessOf(watched: Watched, viewer: Viewer): Access {
  if (isOpen(watched) || viewer?.user.userId === watched.userId) return 'granted'
  if (watched.visibility !== 'followers' || viewer === null) return 'denied'
  return includesRole(viewer.user.role, 'moderator') ? 'granted' : 'followers'
}

/** Returns whether everyone who has the address may watch. */
export function isOpen({ visibility }: Pick<Watched, 'visibility'>): boolean {
  return visibility === 'public' || visibility === 'unlisted'
}
