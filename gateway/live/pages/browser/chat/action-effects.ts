/** Who uses a chat. */
export type ChatUser = {
  readonly streamId: string
  readonly userId: string
  readonly isModerator: boolean
  /** The chat is that of a recording: nothing can be pinned. */
  readonly isReplay: boolean
}

/** What the actions of messages change on the page. */
export type ActionEffects = {
  /** Shows what has been done, or has not. */
  note(line: string): void
  hideMessage(messageId: string): void
  /** Hides the messages of a user. */
  hideUser(userId: string): void
}
