import * as v from 'valibot'

import type { NoticeKind } from './rules/notice-kind.ts'
import type { ChosenKinds } from './store/notice-preferences.ts'

const SentKinds = v.object({
  scheduled: v.boolean(),
  soon: v.boolean(),
  live: v.boolean(),
  missed: v.boolean(),
  alert: v.boolean(),
})

/** Answer to `GET` and `PUT /notifications/preferences`: which kinds of notices the user wants, and which of them are sent. */
export const NoticePreferences = v.object({
  scheduled: v.boolean(),
  soon: v.boolean(),
  live: v.boolean(),
  email: SentKinds,
  push: SentKinds,
})
export type NoticePreferences = v.InferOutput<typeof NoticePreferences>

/** Returns what a user has chosen as the user sees it. */
export function presentPreferences({ mutedKinds, emailKinds, pushKinds }: ChosenKinds): NoticePreferences {
  return {
    scheduled: !mutedKinds.includes('scheduled'),
    soon: !mutedKinds.includes('soon'),
    live: !mutedKinds.includes('live'),
    email: presentSent(emailKinds),
    push: presentSent(pushKinds),
  }
}

function presentSent(kinds: readonly NoticeKind[]): NoticePreferences['email'] {
  const isSent = (kind: NoticeKind) => kinds.includes(kind)
  return {
    scheduled: isSent('scheduled'),
    soon: isSent('soon'),
    live: isSent('live'),
    missed: isSent('missed'),
    alert: isSent('alert'),
  }
}
