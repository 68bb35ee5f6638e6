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
