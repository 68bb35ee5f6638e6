import { defineMessages } from '../../../web/messages.ts'

/** Texts of lists of broadcasts and recordings. */
export const BROADCAST_MESSAGES = defineMessages({
  en: {
    states: {
      scheduled: 'SCHEDULED',
      ready: 'NOT STARTED',
      live: 'LIVE',
      reconnecting: 'RECONNECTING',
      ended: 'ENDED',
    },
    viewers: (count: number) => (count === 1 ? '1 viewer' : `${count.toLocaleString('en')} viewers`),
    followers: (count: number) => (count === 1 ? '1 follower' : `${count.toLocaleString('en')} followers`),
    all: 'All',
    watch: (title: string, name: string) => `Watch: ${title}, by ${name}`,
  },
  ja: {
    states: { scheduled: '予定', ready: '開始前', live: 'ライブ', reconnecting: '再接続中', ended: '終了' },
    viewers: (count: number) => `${count.toLocaleString('ja')}人が視聴中`,
    followers: (count: number) => `フォロワー${count.toLocaleString('ja')}人`,
    all: 'すべて',
    watch: (title: string, name: string) => `視聴する：${name}「${title}」`,
  },
})
