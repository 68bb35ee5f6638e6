import { defineMessages } from '../../../web/messages.ts'

/** Texts of following channels. No script of a page needs them. */
export const FOLLOW_MESSAGES = defineMessages({
  en: {
    follow: 'Follow',
    unfollow: 'Unfollow',
    followOf: (name: string) => `Follow ${name}`,
    unfollowOf: (name: string) => `Unfollow ${name}`,
    signInToFollow: 'Sign in to follow',
    followed: 'Channels you follow',
  },
  ja: {
    follow: 'フォローする',
    unfollow: 'フォロー解除',
    followOf: (name: string) => `フォローする：${name}`,
    unfollowOf: (name: string) => `フォロー解除：${name}`,
    signInToFollow: 'ログインしてフォロー',
    followed: 'フォロー中のチャンネル',
  },
})
