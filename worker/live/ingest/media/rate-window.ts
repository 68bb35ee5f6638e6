/** Counts bytes over the last seconds of arrival. Its memory is constant, whatever arrives. */
export type RateWindow = {
  add(bytes: number, nowMs: number): void
  /** Returns the mean over the window, or over the time since the start if that is shorter, in kbit/s. */
  kbps(nowMs: number): number
  /** Returns the bytes of the last five seconds. */
  bytes(nowMs: number): number
}

const SLOT_MS = 100
const SLOTS = 50

/** Creates a window of five seconds. */
export function createRateWindow(startMs: number): RateWindow {
  const bytes = new Float64Array(SLOTS)
  let lastSlot = Math.floor(startMs / SLOT_MS)

  function advance(nowMs: number): void {
    const slot = Math.max(lastSlot, Math.floor(nowMs / SLOT_MS))
    for (let i = Math.max(lastSlot + 1, slot - SLOTS + 1); i <= slot; i++) bytes[i % SLOTS] = 0
    lastSlot = slot
  }

  function sum(nowMs: number): number {
    advance(nowMs)
    return bytes.reduce((total, count) => total + count, 0)
  }

  return {
    add: (count, nowMs) => {
      advance(nowMs)
      const slot = lastSlot % SLOTS
      bytes[slot] = (bytes[slot] ?? 0) + count
    },
    kbps: (nowMs) => (sum(nowMs) * 8) / Math.min(SLOTS * SLOT_MS, Math.max(1000, nowMs - startMs)),
    bytes: sum,
  }
}
