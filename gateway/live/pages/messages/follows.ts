import { defineMessages } from '../../../web/messages.ts'

/** Texts of following channels. No script of a page needs them. */
export const FOLLOW_MESSAGES = defineMessages({
  en: {
    follow: 'Follow',
    unfollow: 'Unfollow',
    followOf: (name: string) => `Follow ${name}`,
    unfollowOf: (name: string) => `Unfollow ${name}`,
    signInToFollow: 'Sign in to follow',
    followers: (count: number) => (count === 1 ? '1 follower' : `${count.toLocaleString('en')} followers`),
    followed: 'Channels you follow',
  },
  ja: {
    follow: 'フォローする',
    unfollow: 'フォロー解除',
    followOf: (name: string) => `${name}さんをフォローする`,
    unfollowOf: (name: string) => `${name}さんのフォローを解除`,
    signInToFollow: 'ログインしてフォロー',
    followers: (count: number) => `フォロワー${count.toLocaleString('ja')}人`,
    followed: 'フォロー中のチャンネル',
  },
})
