import * as v from 'valibot'

/**
 * What a notice is about. `scheduled`: a followed channel plans a broadcast. `soon`: it begins in ten minutes. `live`: it has
 * begun. `missed`: the own broadcast did not begin at its time.
 */
const NOTICE_KINDS = ['scheduled', 'soon', 'live', 'missed'] as const
export const NoticeKind = v.picklist(NOTICE_KINDS, `must be one of: ${NOTICE_KINDS.join(', ')}`)
export type NoticeKind = v.InferOutput<typeof NoticeKind>

/** The kinds that all followers of a channel get. */
export type AnnouncementKind = Exclude<NoticeKind, 'missed'>
