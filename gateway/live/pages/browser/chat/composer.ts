import { CHAT_MESSAGES } from '../../messages/chat.ts'
import { textsOf } from '../elements.ts'
import type { ChatEvent } from './chat-events.ts'
import { createSentMessages } from './sent-messages.ts'
import { waitUntil } from './wait-until.ts'

const text = textsOf(CHAT_MESSAGES)

/** The answer to a message. */
type SayAnswer = Extract<ChatEvent, { readonly type: 'ack' | 'error' }>

/** Where messages are written. */
export type Composer = { answer(answer: SayAnswer): void }

/** Attaches the field of a chat; `null` where the viewer may not write. */
export function attachComposer(
  panel: HTMLElement,
  say: (line: string, nonce: string) => void,
  note: (line: string) => void,
): Composer | null {
  const form = panel.querySelector<HTMLFormElement>('[data-say]')
  const field = form?.querySelector<HTMLInputElement>('input') ?? null
  if (form === null || field === null) return null
  const sent = createSentMessages()
  let offered: string | null = null
  const ban = panel.querySelector<HTMLElement>('[data-banned-until]')
  if (ban !== null) {
    waitUntil(ban.dataset['bannedUntil'] ?? '', () => {
      ban.remove()
      form.hidden = false
    })
  }
  for (const control of form.querySelectorAll<HTMLInputElement | HTMLButtonElement>(':disabled'))
    control.disabled = false
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const line = field.value.trim()
    if (line === '') return
    offered = null
    say(line, sent.add(line))
    field.value = ''
    note('')
  })
  /** Clears the field where a message that seemed to have failed is written after all. */
  function takeBack(line: string): void {
    if (offered !== line || field?.value.trim() !== line) return
    field.value = ''
    note('')
  }
  return {
    answer(answer) {
      const line = sent.answer(answer.nonce ?? '', answer.type === 'ack')
      if (line === null) return
      if (answer.type === 'ack') takeBack(line)
      else {
        note(explain(answer))
        // What was refused can be corrected, unless something else is written by now.
        if (field.value === '') field.value = line
        offered = line
      }
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
