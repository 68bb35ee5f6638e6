import { formatMoneyIn } from '../../../rules/money.ts'
import { CHAT_MESSAGES } from '../../messages/chat.ts'
import { find, findButton, textsOf } from '../elements.ts'
import type { MessageEvent } from './chat-events.ts'

const text = textsOf(CHAT_MESSAGES)
/** Messages that are kept on the page. */
const MAX_SHOWN = 200
/** Distance from the end at which the list still follows, in CSS pixels. */
const NEAR_PX = 40
const HUES = 8

/** The messages of a chat on a page. */
export type MessageView = {
  /** Shows messages at the end. */
  add(messages: readonly MessageEvent[]): void
  remove(messageId: string): void
  removeUser(userId: string): void
  clear(): void
  /** Sets what is shown where there is no message. */
  setEmptyText(line: string): void
}

/** Attaches the list of messages. `createActions` makes the button of a message, if it has one. */
export function attachMessages(
  panel: HTMLElement,
  createActions: (message: MessageEvent, item: HTMLElement) => HTMLElement | null,
): MessageView {
  const log = find(panel, '[data-log]')
  const list = find(panel, '[data-messages]')
  const empty = find(panel, '[data-empty]')
  const newest = findButton(panel, '[data-newest]')
  const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX
  const goToEnd = () => {
    log.scrollTop = log.scrollHeight
    newest.hidden = true
  }
  newest.addEventListener('click', goToEnd)
  log.addEventListener('scroll', () => {
    if (isAtEnd()) newest.hidden = true
  })
  const showEmpty = () => {
    empty.hidden = list.childElementCount > 0
  }

  /** Removes messages; the focus goes from one of them to the next that stays. */
  function removeAll(selector: string): void {
    const items = [...list.querySelectorAll(selector)]
    const focused = items.find((item) => item.contains(document.activeElement))
    const next = focused === undefined ? null : findNeighbour(focused, items)
    for (const item of items) item.remove()
    showEmpty()
    if (focused !== undefined) (next?.querySelector<HTMLElement>('.chat-more') ?? log).focus()
  }

  return {
    add(messages) {
      if (messages.length === 0) return
      const follows = isAtEnd()
      list.append(...messages.slice(-MAX_SHOWN).map((message) => createItem(message, createActions)))
      // What is above moves the text that is read.
      if (follows) while (list.childElementCount > MAX_SHOWN) list.firstElementChild?.remove()
      else while (list.childElementCount > 2 * MAX_SHOWN) list.firstElementChild?.remove()
      showEmpty()
      if (follows) goToEnd()
      else newest.hidden = false
    },
    remove: (messageId) => removeAll(`[data-message="${CSS.escape(messageId)}"]`),
    removeUser: (userId) => removeAll(`[data-by="${CSS.escape(userId)}"]`),
    clear: () => removeAll('li'),
    setEmptyText(line) {
      empty.textContent = line
      showEmpty()
    },
  }
}

/** Returns the message after one that is removed, or the one before, that is not removed itself. */
function findNeighbour(item: Element, removed: readonly Element[]): Element | null {
  const all = [...(item.parentElement?.children ?? [])]
  const at = all.indexOf(item)
  const stays = (one: Element) => !removed.includes(one)
  return all.slice(at).find(stays) ?? all.slice(0, at).findLast(stays) ?? null
}

function createItem(
  message: MessageEvent,
  createActions: (message: MessageEvent, item: HTMLElement) => HTMLElement | null,
): HTMLElement {
  const { id, user } = message
  const item = document.createElement('li')
  item.dataset['message'] = id
  item.dataset['by'] = user.user_id
  const name = createText('b', user.username)
  name.className = `chat-name chat-hue-${hueOf(user.user_id)}`
  item.append(name)
  if (user.role !== 'viewer') {
    const mark = createText('span', text.roles[user.role])
    mark.className = 'chat-mark'
    item.append(' ', mark)
  }
  item.append(' ', ...createContent(message))
  const actions = createActions(message, item)
  if (actions !== null) item.append(actions)
  return item
}

/** Creates what a message says; a tip begins with its amount. */
function createContent({ tip, text: line }: MessageEvent): (HTMLElement | string)[] {
  if (tip === undefined) return [createText('bdi', line)]
  const amount = createText('b', text.tip(formatMoneyIn(document.documentElement.lang, tip)))
  return tip.message === '' ? [amount] : [amount, ' ', createText('bdi', tip.message)]
}

function createText(tag: string, content: string): HTMLElement {
  const element = document.createElement(tag)
  element.textContent = content
  return element
}

/** Returns one of the colours of names, the same one for a user everywhere. */
function hueOf(userId: string): number {
  return Number.parseInt(userId.slice(-2), 16) % HUES
}
