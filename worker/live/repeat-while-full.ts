import type { Log } from '../../shared/log.ts'
import { computeBackoffMs } from '../platform/backoff.ts'
import { isDiskFull } from '../platform/disk-full.ts'
import { sleep } from '../platform/wake-signal.ts'

/** How work waits for space on a disk, or in a store. */
export type SpaceWait<Result> = {
  /** The longest wait in ms, and the result of work for which there is no space for so long; `null`: it waits forever. */
  readonly patience: { readonly ms: number; readonly giveUp: (reason: string) => Result } | null
  /** Called with the reason at the beginning of each wait. */
  readonly onWait?: (reason: string) => void
  readonly log: Log
  /** Ends the wait: the error of the work is thrown. */
  readonly signal: AbortSignal
}

const BACKOFF = { firstMs: 1000, maxMs: 30_000 }

/** Repeats work until there is space for it. What it has written must be gone when it throws; other errors are thrown. */
export async function repeatWhileFull<Result>(work: () => Promise<Result>, wait: SpaceWait<Result>): Promise<Result> {
  const { patience, log, signal } = wait
  const beganMs = performance.now()
  for (let failures = 1; ; failures++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Error) || !isDiskFull(error) || signal.aborted) throw error
      const reason = `no space is left (ENOSPC): ${error.message}`
      if (patience !== null && performance.now() - beganMs >= patience.ms) return patience.giveUp(reason)
      if (failures === 1) log.warn('no space is left, waiting for it', { error })
      wait.onWait?.(reason)
      await sleep(computeBackoffMs(failures, BACKOFF), signal)
    }
  }
}
