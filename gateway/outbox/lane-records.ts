import type { DeliveredEvent } from './store/events.ts'

/**
 * Accepted events of a lane that may wait to be recorded while the next one is sent. A gateway that dies leaves these to be
 * sent again.
 */
const MOST_UNRECORDED = 8
/** An attempt begins this long after the lane's lease was renewed at most, in ms: it then ends before the lease does. */
const RENEWED_WITHIN_MS = 10_000

/** The accepted events of one lane that are being recorded, in order. */
export type LaneRecords = {
  /** Records an event without waiting for it. */
  add(event: DeliveredEvent): void
  /** Resolves once the next event may be sent; with false where the lane belongs to another gateway by now. */
  waitForNext(): Promise<boolean>
  /** Resolves once all events are recorded; with false where the lane belongs to another gateway by now. */
  settle(): Promise<boolean>
}

/**
 * Creates the records of a lane whose lease has just begun. `note` records an event, renews the lease, and returns whether
 * the lane is still this gateway's; its errors are those of the next call that waits for it.
 */
export function createLaneRecords(note: (event: DeliveredEvent) => Promise<boolean>): LaneRecords {
  const open: Promise<boolean>[] = []
  let renewedMs = performance.now()

  async function record(event: DeliveredEvent): Promise<boolean> {
    const startedMs = performance.now()
    const isOwn = await note(event)
    if (isOwn) renewedMs = startedMs
    return isOwn
  }

  /** Waits until at most `most` events are not recorded. */
  async function waitUntilAtMost(most: number): Promise<boolean> {
    while (open.length > most) if ((await open.shift()) === false) return false
    return true
  }

  return {
    add(event) {
      const recorded = record(event)
      recorded.catch(() => undefined)
      open.push(recorded)
    },
    waitForNext() {
      const isRenewed = performance.now() - renewedMs < RENEWED_WITHIN_MS
      return waitUntilAtMost(isRenewed ? MOST_UNRECORDED - 1 : 0)
    },
    settle: () => waitUntilAtMost(0),
  }
}
