import { defineMessages } from '../../../web/messages.ts'

/** Texts of notices. No script of a page needs them. */
export const NOTICE_MESSAGES = defineMessages({
  en: {
    title: 'Notices',
    bell: (unread: string) => (unread === '0' ? 'Notices' : `Notices, ${unread} unread`),
    scheduled: (name: string) => `${name} plans a broadcast`,
    soon: (name: string) => `${name} begins soon`,
    live: (name: string) => `${name} is live`,
    missed: () => 'Your broadcast has not begun at its time',
    unread: 'New',
    readAll: 'Mark all as read',
    older: 'Older notices',
    emptyTitle: 'No notices',
    emptyText: 'Follow channels to learn here what they plan and when they are live.',
    findChannels: 'See who is live',
    wantedTitle: 'Notices',
    wantedLead:
      'What you want to learn of the channels that you follow. Each channel can be turned off on its own page.',
    wanted: {
      scheduled: 'A broadcast is planned',
      soon: 'A broadcast begins in ten minutes',
      live: 'A broadcast is live',
    },
    saved: 'Your choice is saved.',
    save: 'Save notices',
    mute: 'Turn notices off',
    unmute: 'Turn notices on',
  },
  ja: {
    title: 'お知らせ',
    bell: (unread: string) => (unread === '0' ? 'お知らせ' : `お知らせ（未読${unread}件）`),
    scheduled: (name: string) => `${name}さんが配信を予定しています`,
    soon: (name: string) => `${name}さんの配信がまもなく始まります`,
    live: (name: string) => `${name}さんが配信中です`,
    missed: () => '予定時刻に配信が始まっていません',
    unread: '未読',
    readAll: 'すべて既読にする',
    older: '以前のお知らせ',
    emptyTitle: 'お知らせはありません',
    emptyText: 'チャンネルをフォローすると、配信の予定や開始がここに届きます。',
    findChannels: 'ライブ中の配信を見る',
    wantedTitle: 'お知らせ',
    wantedLead:
      'フォロー中のチャンネルについて受け取るお知らせです。チャンネルごとの設定は各チャンネルのページにあります。',
    wanted: {
      scheduled: '配信が予定されたとき',
      soon: '配信開始の10分前',
      live: '配信が始まったとき',
    },
    saved: '設定を保存しました。',
    save: 'お知らせ設定を保存',
    mute: 'お知らせをオフ',
    unmute: 'お知らせをオン',
  },
})
