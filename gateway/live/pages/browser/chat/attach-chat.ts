import { CHAT_MESSAGES } from '../../messages/chat.ts'
import { find, setHidden, setText, textsOf } from '../elements.ts'
import { callApi, readApi } from './call-api.ts'
import { MessageList, type ChatEvent, type MessageEvent, type Pinned } from './chat-events.ts'
import { connectChat, type ChatConnectionState } from './connection.ts'
import type { MessageView } from './message-list.ts'
import { attachComposer, type Composer } from './composer.ts'
import { attachShown } from './shown-messages.ts'

const text = textsOf(CHAT_MESSAGES)
/** Messages that a page begins with. */
const FIRST_MESSAGES = 100

/** Attaches the chat of a page: messages as they come, writing, and what may be done with them. */
export function attachChat(panel: HTMLElement): void {
  void openChat(panel)
}

async function openChat(panel: HTMLElement): Promise<void> {
  const path = `api/v1/streams/${panel.dataset['chat'] ?? ''}`
  const note = (line: string) => setText(panel, '[data-chat-note]', line)
  const { view, show } = await attachShown(panel, { streamId: panel.dataset['chat'] ?? '', isReplay: false })
  const { messages, seen } = await readFirst(path)
  view.setEmptyText(text.empty)
  show(messages)
  let composer: Composer | null = null
  const connection = connectChat(panel.dataset['chat'] ?? '', seen, {
    onState: (state) => showState(panel, state),
    onEvent(event) {
      if (event.type === 'message') show([event])
      else if (event.type === 'ack' || event.type === 'error') composer?.answer(event)
      else applyEvent(panel, view, event)
    },
  })
  composer = attachComposer(panel, connection.say, note)
  panel.querySelector('[data-unpin]')?.addEventListener('click', () => void unpin(path, note))
  const moderation = panel.querySelector<HTMLDetailsElement>('[data-moderation]')
  if (moderation !== null) (await import('./moderation.ts')).attachModeration(moderation, path, note)
}

/** Reads the newest messages, and the number after which the others come. */
async function readFirst(path: string): Promise<{ messages: readonly MessageEvent[]; seen: number }> {
  const list = await readApi(`${path}/messages?limit=${FIRST_MESSAGES}`, MessageList)
  if (list === null) return { messages: [], seen: 0 }
  return { messages: list.messages, seen: Math.max(list.last_seq, list.messages.at(-1)?.seq ?? 0) }
}

async function unpin(path: string, note: (line: string) => void): Promise<void> {
  const answer = await callApi('PATCH', `${path}/room`, { pinned: null })
  if (!answer.ok) note(text.notDone)
}

type OtherEvent = Exclude<ChatEvent, { readonly type: 'message' | 'ack' | 'error' }>

function applyEvent(panel: HTMLElement, view: MessageView, event: OtherEvent): void {
  switch (event.type) {
    case 'deleted':
      break
    case 'delete':
      view.remove(event.message_id)
      break
    case 'clear':
      view.removeUser(event.user_id)
      break
    case 'room':
      setHidden(panel, '[data-slow]', event.slow_mode_sec === 0)
      setText(panel, '[data-slow]', text.slow(event.slow_mode_sec))
      setHidden(panel, '[data-followers]', !event.followers_only)
      showPinned(panel, event.pinned)
      break
    case 'end':
      showState(panel, 'open')
      for (const part of panel.querySelectorAll('[data-say], [data-banned-until]')) part.remove()
      setText(panel, '[data-chat-note]', text.closed)
      break
  }
}

function showPinned(panel: HTMLElement, pinned: Pinned): void {
  setText(panel, '[data-pinned-name]', pinned?.user.username ?? '')
  setText(panel, '[data-pinned-text]', pinned?.text ?? '')
  find(panel, '[data-pinned]').hidden = pinned === null
}

const STATES: Readonly<Record<ChatConnectionState, string>> = {
  connecting: text.connecting,
  open: '',
  lost: text.reconnecting,
  signed_out: text.signedOut,
  gone: text.gone,
}

function showState(panel: HTMLElement, state: ChatConnectionState): void {
  panel.dataset['connection'] = state
  setText(panel, '[data-chat-state]', STATES[state])
}
