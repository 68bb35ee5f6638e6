import { formatClock } from '../time-text.ts'
import { setText } from './elements.ts'
import { serverTime } from './server-time.ts'

const SECOND_MS = 1000

/** Keeps the time that a broadcast has been on the air; `start` sets its begin, `null` hides it. */
export function attachClock(): { start(startedAt: string | null): void } {
  const clock = document.querySelector<HTMLElement>('[data-clock]')
  if (clock === null) return { start: () => undefined }
  let begin = clock.dataset['clock'] ?? ''
  const tick = () => {
    if (!clock.hidden && begin !== '')
      setText(clock, 'span', formatClock((serverTime() - Date.parse(begin)) / SECOND_MS))
  }
  setInterval(tick, SECOND_MS)
  return {
    start(startedAt) {
      begin = startedAt ?? ''
      clock.hidden = startedAt === null
      tick()
    },
  }
}
