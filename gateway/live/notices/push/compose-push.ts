import type { PushToSend } from '../../store/pushes.ts'
import { NOTICE_TITLES } from '../notice-titles.ts'

/** What the worker of the pages (`push-worker.ts`) shows. */
export type PushContent = {
  readonly title: string
  readonly body: string
  /** What replaces what: one broadcast has one notification. */
  readonly tag: string
  readonly language: string
  /** The page that a click opens, below the root of the site. */
  readonly path: string
}

/** Returns what a push says. It has room for 3,993 bytes; a title has 255 characters at most. */
export function composePush({ kind, title, channelName, streamId, language }: PushToSend): PushContent {
  return {
    title: NOTICE_TITLES[language][kind](channelName),
    body: title,
    tag: streamId,
    language,
    path: `${kind === 'missed' ? 'studio' : 'watch'}/${streamId}`,
  }
}
