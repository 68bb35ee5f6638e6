import { defineMessages } from '../../../web/messages.ts'

/** What the text of a mail about a notice names. */
export type NoticeMailFacts = {
  readonly username: string
  /** Who broadcasts. */
  readonly channel: string
  readonly title: string
  /** When a planned broadcast begins, in words. */
  readonly start: string
  readonly link: string
  readonly unsubscribe: string
  /** Where the platform is. */
  readonly site: string
}

/** Texts of mails about notices. */
export const NOTICE_MAIL_MESSAGES = defineMessages({
  en: {
    scheduled: {
      subject: ({ channel, title }: NoticeMailFacts) => `${channel} plans a broadcast: ${title}`,
      text: ({ channel, title, start }: NoticeMailFacts) => `${channel} plans a broadcast:

${title}
${start}`,
    },
    soon: {
      subject: ({ channel, title }: NoticeMailFacts) => `${channel} begins soon: ${title}`,
      text: ({ channel, title, start }: NoticeMailFacts) => `The broadcast of ${channel} begins soon:

${title}
${start}`,
    },
    live: {
      subject: ({ channel, title }: NoticeMailFacts) => `${channel} is live: ${title}`,
      text: ({ channel, title }: NoticeMailFacts) => `${channel} is live:

${title}`,
    },
    missed: {
      subject: ({ title }: NoticeMailFacts) => `Your broadcast has not begun: ${title}`,
      text: ({ title, start }: NoticeMailFacts) => `Your broadcast has not begun at its time:

${title}
${start}`,
    },
    frame: (text: string, { username, link, unsubscribe, site }: NoticeMailFacts) => `Hello ${username},

${text}

${link}

--
You get this mail because of your account at ${site}. To get no more of them:
${unsubscribe}
`,
  },
  ja: {
    scheduled: {
      subject: ({ channel, title }: NoticeMailFacts) => `${channel}さんが配信を予定しています：${title}`,
      text: ({ channel, title, start }: NoticeMailFacts) => `${channel}さんが配信を予定しています。

${title}
${start}`,
    },
    soon: {
      subject: ({ channel, title }: NoticeMailFacts) => `${channel}さんの配信がまもなく始まります：${title}`,
      text: ({ channel, title, start }: NoticeMailFacts) => `${channel}さんの配信がまもなく始まります。

${title}
${start}`,
    },
    live: {
      subject: ({ channel, title }: NoticeMailFacts) => `${channel}さんが配信中です：${title}`,
      text: ({ channel, title }: NoticeMailFacts) => `${channel}さんが配信中です。

${title}`,
    },
    missed: {
      subject: ({ title }: NoticeMailFacts) => `配信が始まっていません：${title}`,
      text: ({ title, start }: NoticeMailFacts) => `予定時刻に配信が始まっていません。

${title}
${start}`,
    },
    frame: (text: string, { username, link, unsubscribe, site }: NoticeMailFacts) => `${username} 様

${text}

${link}

--
このメールは ${site} のアカウントに届いています。今後受け取らない場合：
${unsubscribe}
`,
  },
})
