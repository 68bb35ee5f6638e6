import { defineMessages } from '../../../web/messages.ts'
import { NOTICE_TITLES } from '../../notices/notice-titles.ts'

/** Texts of notices. No script of a page needs them. */
export const NOTICE_MESSAGES = defineMessages({
  en: {
    title: 'Notices',
    bell: (unread: string) => (unread === '0' ? 'Notices' : `Notices, ${unread} unread`),
    ...NOTICE_TITLES.en,
    unread: 'New',
    readAll: 'Mark all as read',
    older: 'Older notices',
    emptyTitle: 'No notices',
    emptyText: 'Follow channels to learn here what they plan and when they are live.',
    findChannels: 'See who is live',
    wantedTitle: 'Notices',
    wantedLead:
      'What you want to learn of the channels that you follow. Each channel can be turned off on its own page. What you do not want here does not come in another way either.',
    onPage: 'On this site',
    channels: { email: 'By e-mail, to your confirmed address', push: 'As a push, to the browsers where it is on' },
    wanted: {
      scheduled: 'A broadcast is planned',
      soon: 'A broadcast begins in ten minutes',
      live: 'A broadcast is live',
      missed: 'Your own broadcast has not begun at its time',
      alert: 'Your own broadcast is black, frozen, silent or stalled',
    },
    saved: 'Your choice is saved.',
    save: 'Save notices',
    mute: 'Turn notices off',
    unmute: 'Turn notices on',
    unmuteEmail: 'Turn e-mails on',
  },
  ja: {
    title: 'お知らせ',
    bell: (unread: string) => (unread === '0' ? 'お知らせ' : `お知らせ（未読${unread}件）`),
    ...NOTICE_TITLES.ja,
    unread: '未読',
    readAll: 'すべて既読にする',
    older: '以前のお知らせ',
    emptyTitle: 'お知らせはありません',
    emptyText: 'チャンネルをフォローすると、配信の予定や開始がここに届きます。',
    findChannels: 'ライブ中の配信を見る',
    wantedTitle: 'お知らせ',
    wantedLead:
      'フォロー中のチャンネルについて受け取るお知らせです。チャンネルごとの設定は各チャンネルのページにあります。ここでオフにした種類は、他の方法でも届きません。',
    onPage: 'このサイト',
    channels: { email: 'メール（確認済みのアドレス宛て）', push: 'プッシュ通知（オンにしたブラウザー宛て）' },
    wanted: {
      scheduled: '配信が予定されたとき',
      soon: '配信開始の10分前',
      live: '配信が始まったとき',
      missed: '自分の配信が予定時刻に始まっていないとき',
      alert: '自分の配信が黒画面・静止・無音・停止になったとき',
    },
    saved: '設定を保存しました。',
    save: 'お知らせ設定を保存',
    mute: 'お知らせをオフ',
    unmute: 'お知らせをオン',
    unmuteEmail: 'メールをオン',
  },
})
