/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Icon } from '../../../web/components/icons.tsx'
import type { Language } from '../../../web/messages.ts'
import type { SignedIn } from '../../accounts/session.ts'
import type { RoomView } from '../../chat/moderation/present.ts'
import { CHAT_MESSAGES } from '../messages/chat.ts'
import { CHAT_PAGE_MESSAGES } from '../messages/chat-page.ts'
import { Moment } from '../moment.tsx'
import { ModerationPanel } from './moderation-panel.tsx'

/** What the chat of a broadcast shows. */
export type ChatPanelParts = {
  readonly streamId: string
  readonly room: RoomView
  readonly viewer: SignedIn | null
  readonly root: string
  readonly language: Language
}

/** Renders the chat of a broadcast; the page's script reads and writes the messages. */
export function ChatPanel(parts: ChatPanelParts) {
  const { streamId, room, viewer, language } = parts
  const text = { ...CHAT_MESSAGES[language], ...CHAT_PAGE_MESSAGES[language] }
  return (
    <section
      class="chat"
      aria-labelledby="chat-title"
      data-chat={streamId}
      data-role={room.role}
      data-user={viewer?.user.userId}
    >
      <header class="chat-head">
        <h2 id="chat-title">{text.title}</h2>
        <p class="hint" role="status" data-chat-state></p>
      </header>
      <div class="chat-pinned" data-pinned hidden={room.pinned === null}>
        <p>
          <span class="chat-mark">{text.pinned}</span> <b data-pinned-name>{room.pinned?.user.username}</b>{' '}
          <bdi data-pinned-text>{room.pinned?.text}</bdi>
        </p>
        {room.role === 'viewer' ? null : (
          <button class="link-button" type="button" data-unpin>
            {text.unpin}
          </button>
        )}
      </div>
      <MessageLog language={language} emptyText={text.loading} />
      <p class="hint chat-note" data-slow hidden={room.slow_mode_sec === 0}>
        {text.slow(room.slow_mode_sec)}
      </p>
      <p class="hint chat-note" data-followers hidden={!room.followers_only}>
        {text.onlyFollowers}
      </p>
      <p class="chat-note" role="alert" data-chat-note></p>
      <Composer {...parts} />
      {room.role === 'viewer' ? null : <ModerationPanel room={room} language={language} />}
      <noscript>
        <p class="chat-note">{text.noScript}</p>
      </noscript>
    </section>
  )
}

type MessageLogParts = { readonly language: Language; readonly emptyText: string }

function MessageLog({ language, emptyText }: MessageLogParts) {
  const text = CHAT_PAGE_MESSAGES[language]
  return (
    <div class="chat-log">
      <div class="chat-scroll" role="log" aria-label={text.log} tabindex={0} data-log>
        <ol data-messages></ol>
        <p class="hint" data-empty>
          {emptyText}
        </p>
      </div>
      <button class="button chat-newest" type="button" data-newest hidden>
        {text.newest}
      </button>
    </div>
  )
}

function Composer({ room, viewer, root, streamId, language }: ChatPanelParts) {
  const text = CHAT_PAGE_MESSAGES[language]
  if (viewer === null) {
    return (
      <p class="chat-note">
        <a href={`${root}/sign-in?next=${encodeURIComponent(`watch/${streamId}`)}`}>{text.signIn}</a>
        {text.signInText}
      </p>
    )
  }
  const { banned_until: until } = room
  if (until === 'forever') return <p class="chat-note">{CHAT_MESSAGES[language].banned}</p>
  return (
    <>
      {until === null ? null : <BannedNote until={until} language={language} />}
      <SayForm isHidden={until !== null} language={language} />
    </>
  )
}

type SayFormParts = { readonly isHidden: boolean; readonly language: Language }

/** Renders the field; its script shows one that is hidden once its writer may write again. */
function SayForm({ isHidden, language }: SayFormParts) {
  const text = CHAT_PAGE_MESSAGES[language]
  // Enabled by the script: what is written before it listens would be lost.
  return (
    <form class="chat-form" data-say hidden={isHidden}>
      <label class="for-readers" for="chat-text">
        {text.message}
      </label>
      <input
        id="chat-text"
        name="text"
        maxlength={500}
        autocomplete="off"
        placeholder={text.placeholder}
        required
        disabled
      />
      <button class="button button-primary" type="submit" disabled>
        {text.send}
      </button>
    </form>
  )
}

function BannedNote({ until, language }: { readonly until: string; readonly language: Language }) {
  const [before, after] = CHAT_PAGE_MESSAGES[language].bannedUntil
  return (
    <p class="chat-note" data-banned-until={until}>
      {before}
      <Moment at={until} language={language} />
      {after}
    </p>
  )
}

type ReplayPanelParts = Pick<ChatPanelParts, 'streamId' | 'viewer' | 'language'> & {
  readonly archiveId: string
  readonly role: RoomView['role']
}

/** Renders the chat of a recording; the page's script shows it in step with the picture. */
export function ReplayPanel({ archiveId, streamId, role, viewer, language }: ReplayPanelParts) {
  const text = CHAT_PAGE_MESSAGES[language]
  return (
    <section
      class="chat"
      aria-labelledby="chat-title"
      data-replay={archiveId}
      data-replay-of={streamId}
      data-role={role}
      data-user={viewer?.user.userId}
    >
      <header class="chat-head">
        <h2 id="chat-title">
          <Icon name="clock" />
          {text.replay}
        </h2>
        <p class="hint" role="status" data-chat-state></p>
      </header>
      <MessageLog language={language} emptyText={text.replayEmpty} />
      <p class="chat-note" role="alert" data-chat-note></p>
      <noscript>
        <p class="chat-note">{text.noScript}</p>
      </noscript>
    </section>
  )
}
