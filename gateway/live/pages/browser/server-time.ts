/** How far the clock of the gateway is ahead of this device's, in ms, by the quickest answer; `null`: it is not known. */
let aheadMs: number | null = null
let notedMs = 0

/** How long a clock is taken to be as far ahead as it was found, in ms. */
const KEPT_MS = 300_000

/** Notes the time of the gateway as it comes. What is on its way for longer says less: the clock seems further behind. */
export function noteServerTime(now: string, receivedMs: number = Date.now()): void {
  const foundMs = Date.parse(now) - receivedMs
  if (!Number.isFinite(foundMs)) return
  const isOld = Math.abs(receivedMs - notedMs) > KEPT_MS
  if (aheadMs !== null && !isOld && foundMs < aheadMs) return
  aheadMs = foundMs
  notedMs = receivedMs
}

/** Returns the time by the clock of the gateway, in ms since 1970: a viewer's clock may be wrong. */
export function serverTime(nowMs: number = Date.now()): number {
  return nowMs + (aheadMs ?? 0)
}
