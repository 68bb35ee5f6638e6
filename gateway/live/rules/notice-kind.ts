import * as v from 'valibot'

/** The kinds that all followers of a channel get. */
export const ANNOUNCEMENT_KINDS = ['scheduled', 'soon', 'live'] as const
export type AnnouncementKind = (typeof ANNOUNCEMENT_KINDS)[number]

/**
 * What a notice is about. `scheduled`: a followed channel plans a broadcast. `soon`: it begins in ten minutes. `live`: it has
 * begun. `missed`: the own broadcast did not begin at its time.
 */
const NOTICE_KINDS = [...ANNOUNCEMENT_KINDS, 'missed'] as const
export const NoticeKind = v.picklist(NOTICE_KINDS, `must be one of: ${NOTICE_KINDS.join(', ')}`)
export type NoticeKind = v.InferOutput<typeof NoticeKind>
