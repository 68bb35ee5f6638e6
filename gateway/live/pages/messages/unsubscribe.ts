import { defineMessages } from '../../../web/messages.ts'

/** Texts of the page that ends mails about notices. No script of a page needs them. */
export const UNSUBSCRIBE_MESSAGES = defineMessages({
  en: {
    title: 'Notices by e-mail',
    lead: 'Choose which mails you no longer want. The notices stay on the page.',
    endChannel: (name: string) => `No more mails about ${name}`,
    endAll: 'No more mails about any broadcast',
    doneChannel: (name: string) => `You get no more mails about ${name}.`,
    doneAll: 'You get no more mails about broadcasts.',
    settings: 'Choose your notices in the settings',
    invalidTitle: 'This link is not complete',
    invalidText: 'Copy all of it from the mail, or choose your notices in the settings.',
  },
  ja: {
    title: 'メールでのお知らせ',
    lead: '受け取らないメールを選んでください。ページ上のお知らせはそのままです。',
    endChannel: (name: string) => `${name}さんに関するメールを停止`,
    endAll: '配信に関するメールをすべて停止',
    doneChannel: (name: string) => `${name}さんに関するメールを停止しました。`,
    doneAll: '配信に関するメールを停止しました。',
    settings: '設定でお知らせを選ぶ',
    invalidTitle: 'リンクが途中で切れています',
    invalidText: 'メールのリンク全体をコピーするか、設定でお知らせを選んでください。',
  },
})
