import * as v from 'valibot'

/** The kinds that all followers of a channel get. */
export const ANNOUNCEMENT_KINDS = ['scheduled', 'soon', 'live'] as const
export type AnnouncementKind = (typeof ANNOUNCEMENT_KINDS)[number]

/**
 * What a notice is about. `scheduled`: a followed channel plans a broadcast. `soon`: it begins in ten minutes. `live`: it has
 * begun. `missed`: the own broadcast did not begin at its time. `alert`: viewers of the own broadcast see or hear a fault.
 */
export const NOTICE_KINDS = [...ANNOUNCEMENT_KINDS, 'missed', 'alert'] as const
export const NoticeKind = v.picklist(NOTICE_KINDS, `must be one of: ${NOTICE_KINDS.join(', ')}`)
export type NoticeKind = v.InferOutput<typeof NoticeKind>

/** How notices are sent to users, beside the page that lists them. */
export const NOTICE_CHANNELS = ['email', 'push'] as const
export type NoticeChannel = (typeof NOTICE_CHANNELS)[number]

/** The kinds that are sent to users who have not chosen. Push is turned on in a browser. */
export const SENT_BY_DEFAULT: Readonly<Record<NoticeChannel, readonly NoticeKind[]>> = {
  email: ['live', 'missed', 'alert'],
  push: NOTICE_KINDS,
}

/** For how long a notice matters to those who are not on the page, in seconds. */
export const NOTICE_LIFE_SEC: Readonly<Record<NoticeKind, number>> = {
  scheduled: 43_200,
  soon: 600,
  live: 1800,
  missed: 43_200,
  alert: 1800,
}

/** Returns the page that a notice leads to: that of its kind for the owner, or for viewers. */
export function pageOfNotice(kind: NoticeKind, streamId: string): string {
  return `${kind === 'missed' || kind === 'alert' ? 'studio' : 'watch'}/${streamId}`
}
