import { CHAT_MESSAGES } from '../../messages/chat.ts'
import { textsOf } from '../elements.ts'
import { callApi } from './call-api.ts'
import type { MessageEvent } from './chat-events.ts'

const text = textsOf(CHAT_MESSAGES)
const TIME_OUT_SEC = 600

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

type MessageAction = {
  readonly label: string
  /** Returns what to say when it is done. */
  readonly done?: string
  readonly call: readonly [method: string, path: string, body?: object]
  readonly hidesUser?: boolean
  readonly hidesMessage?: boolean
}

/** Returns a function that makes the button of a message, which opens its actions below it. */
export function createMessageActions(
  user: ChatUser | null,
  effects: ActionEffects,
): (message: MessageEvent, item: HTMLElement) => HTMLElement | null {
  return (message, item) => {
    const actions = user === null ? [] : actionsOf(message, user)
    if (actions.length === 0) return null
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'chat-more'
    button.textContent = '⋯'
    button.ariaLabel = text.actionsOf(message.user.username)
    button.ariaExpanded = 'false'
    button.addEventListener('click', () => toggle({ button, item, actions, message, effects }))
    return button
  }
}

function actionsOf({ id, user }: MessageEvent, chatUser: ChatUser): MessageAction[] {
  const { streamId, userId, isModerator, isReplay } = chatUser
  const path = `api/v1/streams/${streamId}`
  const isOwn = user.user_id === userId
  const name = user.username
  const ban = (body: object) => ['PUT', `${path}/bans/${user.user_id}`, body] as const
  const ofAll: MessageAction[] = [
    { label: text.report, done: text.reported, call: ['POST', `${path}/messages/${id}/reports`, {}] },
    {
      label: text.block,
      done: text.blocked(name),
      call: ['POST', 'api/v1/blocks', { user_id: user.user_id }],
      hidesUser: true,
    },
  ]
  const remove: MessageAction = { label: text.remove, call: ['DELETE', `${path}/messages/${id}`], hidesMessage: true }
  if (isOwn && !isModerator) return [remove]
  if (!isModerator) return ofAll
  const pin: MessageAction = { label: text.pin, call: ['PATCH', `${path}/room`, { pinned: id }] }
  const changes = isReplay ? [remove] : [remove, pin]
  if (isOwn || user.role === 'owner') return changes
  return [
    ...changes,
    { label: text.timeOut, done: text.bannedDone(name), call: ban({ duration_sec: TIME_OUT_SEC }) },
    { label: text.ban, done: text.bannedDone(name), call: ban({}) },
    ...ofAll,
  ]
}

type OpenActions = {
  readonly button: HTMLButtonElement
  readonly item: HTMLElement
  readonly actions: readonly MessageAction[]
  readonly message: MessageEvent
  readonly effects: ActionEffects
}

/** Opens the actions of a message, or closes them. */
function toggle(open: OpenActions): void {
  const { button, item, actions } = open
  const shown = item.querySelector('.chat-actions')
  if (shown !== null) {
    shown.remove()
    button.ariaExpanded = 'false'
    button.focus()
    return
  }
  const row = document.createElement('div')
  row.className = 'chat-actions'
  row.append(...actions.map((action) => createAction(action, open)))
  row.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape') toggle(open)
  })
  item.append(row)
  button.ariaExpanded = 'true'
  row.querySelector('button')?.focus()
  row.scrollIntoView({ block: 'nearest' })
}

function createAction(action: MessageAction, open: OpenActions): HTMLElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'button button-small'
  button.textContent = action.label
  button.addEventListener('click', () => void act(action, open))
  return button
}

async function act(action: MessageAction, open: OpenActions): Promise<void> {
  const { call, done, hidesUser = false, hidesMessage = false } = action
  const { effects, message, item } = open
  const [method, path, body] = call
  const { ok } = await callApi(method, path, body)
  if (item.isConnected && item.querySelector('.chat-actions') !== null) toggle(open)
  if (!ok) return effects.note(text.notDone)
  effects.note(done ?? '')
  if (hidesMessage) effects.hideMessage(message.id)
  if (hidesUser) effects.hideUser(message.user.user_id)
}
