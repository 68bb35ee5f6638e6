import { pageOfNotice } from '../../rules/notice-kind.ts'
import type { PushToSend } from '../../store/pushes.ts'
import { NOTICE_TITLES } from '../notice-titles.ts'
import type { PushContent } from './content.ts'

/** Returns what a push says. It has room for 3,993 bytes; a title has 255 characters at most. */
export function composePush({ kind, title, channelName, streamId, language }: PushToSend): PushContent {
  return {
    title: NOTICE_TITLES[language][kind](channelName),
    body: title,
    tag: streamId,
    language,
    path: pageOfNotice(kind, streamId),
  }
}
