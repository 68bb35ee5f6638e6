import { CHAT_MESSAGES } from '../../messages/chat.ts'
import { textsOf } from '../elements.ts'
import type { ChatEvent } from './chat-events.ts'

const text = textsOf(CHAT_MESSAGES)

/** The answer to a message. */
type SayAnswer = Extract<ChatEvent, { readonly type: 'ack' | 'error' }>

/** Where messages are written. */
export type Composer = { answer(answer: SayAnswer): void }

/** Attaches the field of a chat; `null` where the viewer may not write. `say` returns the nonce of what it sends. */
export function attachComposer(
  panel: HTMLElement,
  say: (line: string) => string,
  note: (line: string) => void,
): Composer | null {
  const form = panel.querySelector<HTMLFormElement>('[data-say]')
  const field = form?.querySelector<HTMLInputElement>('input') ?? null
  if (form === null || field === null) return null
  const sent = new Map<string, string>()
  for (const control of form.querySelectorAll<HTMLInputElement | HTMLButtonElement>(':disabled'))
    control.disabled = false
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const line = field.value.trim()
    if (line === '') return
    sent.set(say(line), line)
    field.value = ''
    note('')
  })
  return {
    answer(answer) {
      const line = sent.get(answer.nonce ?? '')
      if (line === undefined) return
      sent.delete(answer.nonce ?? '')
      if (answer.type === 'ack') return
      note(explain(answer))
      // What was refused can be corrected, unless something else is written by now.
      if (field.value === '') field.value = line
    },
  }
}

function explain({ code, retry_after: retryAfter }: Extract<SayAnswer, { readonly type: 'error' }>): string {
  switch (code) {
    case 'CHAT_LIMITED':
      return text.limited(retryAfter ?? 1)
    case 'WORD_BLOCKED':
      return text.wordBlocked
    case 'FOLLOWERS_ONLY':
      return text.notFollowing
    case 'CHAT_BANNED':
      return text.banned
    case 'UNAUTHORIZED':
      return text.signedOut
    case 'STREAM_ENDED':
      return text.closed
    default:
      return text.failed
  }
}
