import { serverTime } from '../server-time.ts'

/** Interval of looking at the clock, in ms: a timer of its own would not follow a clock that is set. */
const INTERVAL_MS = 1000

/** Calls `onTime` once a moment has come by the clock of the gateway. */
export function waitUntil(moment: string, onTime: () => void): void {
  const timer = setInterval(() => {
    if (serverTime() < Date.parse(moment)) return
    clearInterval(timer)
    onTime()
  }, INTERVAL_MS)
}
