import { CHAT_MESSAGES } from '../../messages/chat.ts'
import { textsOf } from '../elements.ts'
import type { ActionEffects, ChatUser } from './action-effects.ts'
import type { MessageEvent } from './chat-events.ts'

const text = textsOf(CHAT_MESSAGES)

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
