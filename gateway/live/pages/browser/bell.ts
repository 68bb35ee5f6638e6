/** Interval of reading the bell while no events say what changes, and while they do, in seconds. */
const [ALONE_SEC, FOLLOWED_SEC] = [2, 60]

const bell = document.querySelector<HTMLElement>('.bell')
let shown: number | null = null

/** The parameter with which the events of a broadcast say how many notices are not read. */
export const NOTICES_QUERY = bell === null ? '' : '&notices=on'

/** Brings the bell up to date where the number of unread notices has changed. */
export function followUnread(unread: number): void {
  if (bell === null) return
  bell.dataset['every'] = String(FOLLOWED_SEC)
  if (unread !== shown) bell.dispatchEvent(new Event('refresh'))
  shown = unread
}

/** Lets the bell read its number by itself again: no events say it any more. */
export function leaveUnread(): void {
  if (bell === null || shown === null) return
  shown = null
  bell.dataset['every'] = String(ALONE_SEC)
  bell.dispatchEvent(new Event('refresh'))
}
