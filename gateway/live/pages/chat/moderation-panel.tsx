/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Language } from '../../../web/messages.ts'
import type { RoomView } from '../../chat/moderation/present.ts'
import { CHAT_PAGE_MESSAGES } from '../messages/chat-page.ts'

/** Seconds of slow mode that are offered; the API takes any number. */
const SLOW_SEC = [0, 5, 10, 30, 60, 300]

type ModerationPanelParts = { readonly room: RoomView; readonly language: Language }

/** Renders what owner and moderators set in a chat, and who may not write. */
export function ModerationPanel({ room, language }: ModerationPanelParts) {
  const text = CHAT_PAGE_MESSAGES[language]
  const offered = SLOW_SEC.includes(room.slow_mode_sec) ? SLOW_SEC : [...SLOW_SEC, room.slow_mode_sec]
  return (
    <details class="chat-moderation" data-moderation>
      <summary>{text.settings}</summary>
      <form class="stack-small" data-room>
        <div class="field">
          <label for="chat-slow">{text.slowMode}</label>
          <select id="chat-slow" name="slow">
            {offered.map((sec) => (
              <option value={sec} selected={sec === room.slow_mode_sec}>
                {sec === 0 ? text.slowOff : text.slowEvery(sec)}
              </option>
            ))}
          </select>
        </div>
        <label class="choice">
          <input type="checkbox" name="followers" checked={room.followers_only} />
          <span>{text.followersOnly}</span>
        </label>
        <div class="field">
          <label for="chat-words">{text.words}</label>
          <textarea id="chat-words" name="words" rows={3}>
            {(room.blocked_words ?? []).join('\n')}
          </textarea>
        </div>
        <button class="button" type="submit">
          {text.save}
        </button>
      </form>
      <h3>{text.reports}</h3>
      <ul class="chat-list" data-reports></ul>
      <h3>{text.bans}</h3>
      <ul class="chat-list" data-bans></ul>
    </details>
  )
}
