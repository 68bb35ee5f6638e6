import { defineMessages } from '../../web/messages.ts'

/** What viewers of a broadcast see or hear that is wrong, in mails and in the studio. */
export const FAULT_TEXTS = defineMessages({
  en: {
    black: (since: string) => `The picture has been black since ${since}.`,
    frozen: (since: string) => `The picture has not changed since ${since}.`,
    silent: (since: string) => `The sound has been silent since ${since}.`,
    stalled: (since: string) => `Viewers have got nothing new since ${since}.`,
  },
  ja: {
    black: (since: string) => `${since}から映像が真っ暗です。`,
    frozen: (since: string) => `${since}から映像が静止しています。`,
    silent: (since: string) => `${since}から無音です。`,
    stalled: (since: string) => `${since}から視聴者に新しい映像が届いていません。`,
  },
})
