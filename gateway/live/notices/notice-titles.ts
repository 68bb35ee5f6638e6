import { defineMessages } from '../../web/messages.ts'

/** What notices say of the channel that they are about, as titles of pushes, in mails and on pages. */
export const NOTICE_TITLES = defineMessages({
  en: {
    scheduled: (name: string) => `${name} plans a broadcast`,
    soon: (name: string) => `${name} begins soon`,
    live: (name: string) => `${name} is live`,
    missed: (_name: string) => 'Your broadcast has not begun at its time',
    alert: (_name: string) => 'Viewers see or hear a fault in your broadcast',
  },
  ja: {
    scheduled: (name: string) => `${name}さんが配信を予定しています`,
    soon: (name: string) => `${name}さんの配信がまもなく始まります`,
    live: (name: string) => `${name}さんが配信中です`,
    missed: (_name: string) => '予定時刻に配信が始まっていません',
    alert: (_name: string) => '配信の映像または音声に問題があります',
  },
})
