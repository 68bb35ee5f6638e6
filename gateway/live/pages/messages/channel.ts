import { defineMessages } from '../../../web/messages.ts'

/** Texts of the channel of a user. */
export const CHANNEL_MESSAGES = defineMessages({
  en: {
    about: 'About',
    since: 'Here since',
    silentTitle: 'Nothing here yet',
    silentText: (name: string) => `${name} has not been on the air so far.`,
    ownSilentText: 'This is your channel. What you broadcast appears here.',
    goLive: 'Create a broadcast',
    edit: 'Settings',
    calendar: 'Schedule as a calendar',
  },
  ja: {
    about: '紹介',
    since: '登録日',
    silentTitle: 'まだ何もありません',
    silentText: (name: string) => `${name}はまだ配信していません。`,
    ownSilentText: 'あなたのチャンネルです。配信するとここに表示されます。',
    goLive: '配信を作成',
    edit: '設定',
    calendar: '予定をカレンダーに追加',
  },
})
