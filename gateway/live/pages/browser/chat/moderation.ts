import * as v from 'valibot'

import { formatLocalTime } from '../../../../web/browser/local-times.ts'
import { CHAT_MESSAGES } from '../../messages/chat.ts'
import { CHAT_ACTION_MESSAGES } from '../../messages/chat-actions.ts'
import { find, textsOf } from '../elements.ts'
import { callApi, readApi } from './call-api.ts'

const text = { ...textsOf(CHAT_MESSAGES), ...textsOf(CHAT_ACTION_MESSAGES) }
const User = v.object({ user_id: v.string(), username: v.string() })
const Bans = v.object({ bans: v.array(v.object({ user: User, until: v.nullable(v.string()) })) })
const Reports = v.object({
  reports: v.array(v.object({ message_id: v.string(), user: User, text: v.string(), reasons: v.array(v.string()) })),
})

/** Attaches what owner and moderators set; its lists are read when it opens. */
export function attachModeration(details: HTMLDetailsElement, path: string, note: (line: string) => void): void {
  const form = details.querySelector<HTMLFormElement>('[data-room]')
  form?.addEventListener('submit', (event) => {
    event.preventDefault()
    void save(form, path, note)
  })
  const showAll = () => void Promise.all([showReports(details, path), showBans(details, path, note)])
  details.addEventListener('toggle', () => details.open && showAll())
  // It was opened before this script listened.
  if (details.open) showAll()
}

async function save(form: HTMLFormElement, path: string, note: (line: string) => void): Promise<void> {
  const fields = new FormData(form)
  const words = (form.querySelector('textarea')?.value ?? '').split('\n')
  const answer = await callApi('PATCH', `${path}/room`, {
    slow_mode_sec: Number(fields.get('slow')),
    followers_only: fields.has('followers'),
    blocked_words: words.flatMap((word) => (word.trim() === '' ? [] : [word.trim()])),
  })
  note(answer.ok ? text.saved : text.notDone)
}

async function showReports(details: HTMLElement, path: string): Promise<void> {
  const list = await readApi(`${path}/reports`, Reports)
  if (list === null) return
  const items = list.reports.map(({ user, text: line, reasons }) =>
    createItem(`${user.username}: ${line}${reasons.length === 0 ? '' : ` — ${reasons.join(', ')}`}`),
  )
  find(details, '[data-reports]').replaceChildren(...(items.length === 0 ? [createItem(text.noReports)] : items))
}

async function showBans(details: HTMLElement, path: string, note: (line: string) => void): Promise<void> {
  const list = await readApi(`${path}/bans`, Bans)
  if (list === null) return
  const items = list.bans.map(({ user, until }) => {
    const time = until === null ? text.forever : text.untilTime(formatLocalTime(until))
    const item = createItem(`${user.username} (${time}) `)
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'link-button'
    button.textContent = text.unban
    button.addEventListener('click', () => void unban(user.user_id))
    item.append(button)
    return item
  })
  find(details, '[data-bans]').replaceChildren(...(items.length === 0 ? [createItem(text.noBans)] : items))

  async function unban(userId: string): Promise<void> {
    const answer = await callApi('DELETE', `${path}/bans/${userId}`)
    if (!answer.ok) note(text.notDone)
    await showBans(details, path, note)
  }
}

function createItem(line: string): HTMLElement {
  const item = document.createElement('li')
  item.textContent = line
  return item
}
