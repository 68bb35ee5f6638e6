import { expect, test, vi } from 'vitest'

import { createLaneRecords } from './lane-records.ts'

const event = (n: number) => ({ subject: 'lane', eventId: `evt-${n}` })

/** Creates records whose notes end when the test ends them. */
function createHeldRecords() {
  const ends: ((isOwn: boolean | Error) => void)[] = []
  const note = vi.fn<() => Promise<boolean>>(
    () =>
      new Promise((resolve, reject) => {
        ends.push((isOwn) => (isOwn instanceof Error ? reject(isOwn) : resolve(isOwn)))
      }),
  )
  return { records: createLaneRecords(note), note, end: (n: number, isOwn: boolean | Error = true) => ends[n]?.(isOwn) }
}

/** Returns whether a promise has resolved within this turn of the event loop. */
async function hasResolved(promise: Promise<unknown>): Promise<boolean> {
  const turn = new Promise<'turn'>((resolve) => setImmediate(() => resolve('turn')))
  return (await Promise.race([promise, turn])) !== 'turn'
}

test('the next event is sent while up to eight before it are recorded, which start at once', async () => {
  const { records, note, end } = createHeldRecords()
  for (let n = 0; n < 8; n++) {
    expect(await records.waitForNext()).toBe(true)
    records.add(event(n))
  }
  expect(note).toHaveBeenCalledTimes(8)
  const next = records.waitForNext()
  expect(await hasResolved(next)).toBe(false)
  end(0)
  expect(await next).toBe(true)
})

test('all are waited for at the end, and before an attempt that the lease may not cover', async () => {
  const { records, end } = createHeldRecords()
  records.add(event(0))
  records.add(event(1))
  const settled = records.settle()
  end(0)
  expect(await hasResolved(settled)).toBe(false)
  end(1)
  expect(await settled).toBe(true)

  records.add(event(2))
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 10_000)
  const next = records.waitForNext()
  expect(await hasResolved(next)).toBe(false)
  end(2)
  expect(await next).toBe(true)
  vi.restoreAllMocks()
})

test('a lane that another gateway has taken, and an error, end the wait', async () => {
  const lost = createHeldRecords()
  lost.records.add(event(0))
  lost.end(0, false)
  expect(await lost.records.settle()).toBe(false)

  const failed = createHeldRecords()
  failed.records.add(event(0))
  failed.end(0, new Error('the database is gone'))
  await expect(failed.records.settle()).rejects.toThrow('the database is gone')
})
