import { attachFollowedArea } from './followed-area.ts'

const bell = attachFollowedArea('.bell')
let shown: number | null = null

/** The parameter with which the events of a broadcast say how many notices are not read. */
export const NOTICES_QUERY = document.querySelector('.bell') === null ? '' : '&notices=on'

/** Brings the bell up to date where the number of unread notices has changed. */
export function followUnread(unread: number): void {
  bell.follow(unread !== shown)
  shown = unread
}

/** Lets the bell read its number by itself again: no events say it any more. */
export function leaveUnread(): void {
  shown = null
  bell.leave()
}
