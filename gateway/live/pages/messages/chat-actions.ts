import { defineMessages } from '../../../web/messages.ts'

/** Texts of what may be done with the messages of a chat and with those who write them. */
export const CHAT_ACTION_MESSAGES = defineMessages({
  en: {
    remove: 'Delete',
    timeOut: 'Time out (10 min)',
    ban: 'Ban',
    pin: 'Pin',
    report: 'Report',
    block: 'Block',
    reported: 'The message is reported to the moderators.',
    blocked: (name: string) => `You do not see messages of ${name} any more. Your settings list who is blocked.`,
    bannedDone: (name: string) => `${name} cannot write here any more.`,
    saved: 'Saved.',
    noReports: 'Nothing is reported.',
    noBans: 'Everyone may write.',
    forever: 'for good',
    untilTime: (time: string) => `until ${time}`,
    unban: 'Let write again',
  },
  ja: {
    remove: '削除',
    timeOut: '10分間停止',
    ban: 'コメント禁止',
    pin: '固定する',
    report: '通報',
    block: 'ブロック',
    reported: 'モデレーターに通報しました。',
    blocked: (name: string) => `${name}さんのメッセージは表示されません。設定で一覧を確認できます。`,
    bannedDone: (name: string) => `${name}さんはここでコメントできなくなりました。`,
    saved: '保存しました。',
    noReports: '通報はありません。',
    noBans: '全員がコメントできます。',
    forever: '無期限',
    untilTime: (time: string) => `${time}まで`,
    unban: '解除',
  },
})
