import { CHAT_MESSAGES } from '../../messages/chat.ts'
import { textsOf } from '../elements.ts'
import type { MessageEvent } from './chat-events.ts'

const text = textsOf(CHAT_MESSAGES)

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

/** Returns a function that makes the button of a message, which opens its actions below it. They are loaded then. */
export function createActionButtons(
  user: ChatUser,
  effects: ActionEffects,
): (message: MessageEvent, item: HTMLElement) => HTMLElement {
  return (message, item) => {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'chat-more'
    button.textContent = '⋯'
    button.ariaLabel = text.actionsOf(message.user.username)
    button.ariaExpanded = 'false'
    button.addEventListener('click', () => {
      void import('./actions.ts').then(
        ({ toggleActions }) => toggleActions({ button, item, message, user, effects }),
        () => effects.note(text.notDone),
      )
    })
    return button
  }
}
