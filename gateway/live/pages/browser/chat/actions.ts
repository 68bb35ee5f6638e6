import { CHAT_MESSAGES } from '../../messages/chat.ts'
import { CHAT_ACTION_MESSAGES } from '../../messages/chat-actions.ts'
import { textsOf } from '../elements.ts'
import { callApi } from './call-api.ts'
import type { ActionEffects, ChatUser } from './action-effects.ts'
import type { MessageEvent } from './chat-events.ts'

const text = textsOf(CHAT_ACTION_MESSAGES)
const TIME_OUT_SEC = 600

type MessageAction = {
  readonly label: string
  /** Returns what to say when it is done. */
  readonly done?: string
  readonly call: readonly [method: string, path: string, body?: object]
  readonly hidesUser?: boolean
  readonly hidesMessage?: boolean
}

/** A message whose actions are opened. */
export type OpenedMessage = {
  readonly button: HTMLButtonElement
  readonly item: HTMLElement
  readonly message: MessageEvent
  readonly user: ChatUser
  readonly effects: ActionEffects
}

/** Opens the actions of a message, or closes them. */
export function toggleActions({ user, ...opened }: OpenedMessage): void {
  toggle({ ...opened, actions: actionsOf(opened.message, user) })
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

type OpenActions = Omit<OpenedMessage, 'user'> & { readonly actions: readonly MessageAction[] }

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
  if (!ok) return effects.note(textsOf(CHAT_MESSAGES).notDone)
  effects.note(done ?? '')
  if (hidesMessage) effects.hideMessage(message.id)
  if (hidesUser) effects.hideUser(message.user.user_id)
}
