import { afterEach, expect, test, vi } from 'vitest'

import { createLog } from '../../shared/log.ts'
import type { DueTimes } from '../database/due-times.ts'
import { OFTEN_MS, RARELY_MS } from './periodic-task.ts'
import { createScheduler } from './scheduler.ts'
import { NO_REASONS } from './wake-reasons.ts'

afterEach(() => vi.useRealTimers())

const noDueTimes: DueTimes = { add: () => async () => null }

/** Returns how often a task of an interval runs in ten minutes, in which it always fails. */
async function countRuns(everyMs: number): Promise<number> {
  vi.useFakeTimers({ toFake: ['performance'] })
  let runs = 0
  const log = createLog('test', 'error', () => undefined)
  const scheduler = createScheduler({ log, dueTimes: noDueTimes, memory: new Map() }, [
    {
      name: 'fail',
      everyMs,
      run: async () => {
        runs += 1
        throw new Error('it fails')
      },
    },
  ])
  for (let ms = 0; ms < 600_000;) {
    const pauseMs = Math.max(1, await scheduler.run(NO_REASONS))
    vi.advanceTimersByTime(pauseMs)
    ms += pauseMs
  }
  return runs
}

test('a failing task that runs often is tried again within seconds, one that runs rarely within a minute', async () => {
  const often = await countRuns(OFTEN_MS)
  const rarely = await countRuns(RARELY_MS)
  expect(often).toBeGreaterThan(100)
  expect(rarely).toBeGreaterThanOrEqual(10)
  expect(rarely).toBeLessThan(40)
})
