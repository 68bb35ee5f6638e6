import { defineMessages } from '../../../web/messages.ts'

/** What the text of a mail about a notice names. */
export type NoticeMailFacts = {
  readonly username: string
  /** What the notice says of the channel. */
  readonly notice: string
  /** The title of the broadcast. */
  readonly title: string
  /** When a planned broadcast begins, or which faults the own one has, in lines; empty for one on the air. */
  readonly details: string
  readonly link: string
  readonly unsubscribe: string
  /** Where the platform is. */
  readonly site: string
}

/** Texts of mails about notices. */
export const NOTICE_MAIL_MESSAGES = defineMessages({
  en: {
    faults: {
      black: (since: string) => `The picture has been black since ${since}.`,
      frozen: (since: string) => `The picture has not changed since ${since}.`,
      silent: (since: string) => `The sound has been silent since ${since}.`,
      stalled: (since: string) => `Viewers have got nothing new since ${since}.`,
    },
    subject: ({ notice, title }: NoticeMailFacts) => `${notice}: ${title}`,
    text: ({ username, notice, title, details, link, unsubscribe, site }: NoticeMailFacts) => `Hello ${username},

${notice}:

${title}
${details}
${link}

--
You get this mail because of your account at ${site}. To get no more of them:
${unsubscribe}
`,
  },
  ja: {
    faults: {
      black: (since: string) => `${since}から映像が真っ暗です。`,
      frozen: (since: string) => `${since}から映像が静止しています。`,
      silent: (since: string) => `${since}から無音です。`,
      stalled: (since: string) => `${since}から視聴者に新しい映像が届いていません。`,
    },
    subject: ({ notice, title }: NoticeMailFacts) => `${notice}：${title}`,
    text: ({ username, notice, title, details, link, unsubscribe, site }: NoticeMailFacts) => `${username} 様

${notice}。

${title}
${details}
${link}

--
このメールは ${site} のアカウントに届いています。今後受け取らない場合：
${unsubscribe}
`,
  },
})
