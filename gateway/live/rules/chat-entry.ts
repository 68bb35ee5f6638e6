/**
 * What an entry of a chat is. `message`: text of a user. `delete`: a moderator deleted a message. `clear`: a moderator
 * deleted the messages of a user. `room`: the settings of the chat changed. `tip`: a user has paid a tip; its text is the
 * user's.
 */
export type ChatEntryKind = 'message' | 'delete' | 'clear' | 'room' | 'tip'

/** The kinds of entries that have a text of a user, are listed and replayed, and can be deleted. */
export const TEXT_KINDS = ['message', 'tip'] as const satisfies readonly ChatEntryKind[]

/** What a user is in a chat. */
export type ChatRole = 'owner' | 'moderator' | 'viewer'

/** What an entry is that is no message. */
export type RoomChange =
  | { readonly kind: 'tip'; readonly amount: number; readonly currency: string }
  | { readonly kind: 'delete'; readonly entryId: string }
  | { readonly kind: 'clear'; readonly userId: string }
  | {
      readonly kind: 'room'
      readonly slowModeSec: number
      /** Entries of before there was this setting have none. */
      readonly isFollowersOnly?: boolean
      readonly pinned: PinnedMessage | null
    }

/** A message that a moderator pinned, as it was then. */
export type PinnedMessage = {
  readonly entryId: string
  readonly userId: string
  readonly username: string
  readonly text: string
}

/** Returns whether a role may moderate a chat. */
export function isModerating(role: ChatRole): boolean {
  return role !== 'viewer'
}
