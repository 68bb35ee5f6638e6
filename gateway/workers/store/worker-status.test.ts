import { expect, test } from 'vitest'

import { createTestDatabase } from '../../testing/test-database.ts'
import { assignments } from '../schema.ts'
import { countWorkers, listWorkers } from './worker-status.ts'

const fromNow = (sec: number) => new Date(Date.now() + sec * 1000)
const launched = { launchedAt: fromNow(-50), launchedBy: 'a gateway' }

/** One assignment for each thing that its worker can be doing. */
const ROWS = [
  { id: 'a', state: 'waiting', row: { launchAt: fromNow(-40) } },
  { id: 'b', state: 'waiting', row: { launchAt: fromNow(4), launchedAt: fromNow(-50), claimedAt: fromNow(-45) } },
  { id: 'c', state: 'starting', row: { ...launched, leaseUntil: fromNow(9) } },
  { id: 'd', state: 'running', row: { ...launched, claimedAt: fromNow(-45), leaseUntil: fromNow(20) } },
  { id: 'e', state: 'silent', row: { ...launched, claimedAt: fromNow(-45), leaseUntil: fromNow(-5) } },
  { id: 'f', state: 'silent', row: { ...launched, leaseUntil: fromNow(-1) } },
  { id: 'g', state: null, row: { ...launched, claimedAt: fromNow(-45), endedAt: fromNow(-1) } },
] as const

test('each worker has the state of its row by the clock of the database, and workers of ended records are left out', async () => {
  await using database = await createTestDatabase()
  await database.db.insert(assignments).values(ROWS.map(({ id, row }) => ({ id, kind: 'monitor', ...row })))

  const listed = await listWorkers(database.db, null, 10)
  const expected = ROWS.flatMap(({ id, state }) => (state === null ? [] : [[id, state]]))
  expect(listed.map(({ id, state }) => [id, state])).toEqual(expected.toReversed())
  const seen = new Map(listed.map(({ id, lastSeenAt }) => [id, lastSeenAt]))
  // A lease of 30 s that ends in 20 s began 10 s ago.
  expect((Date.now() - Date.parse(seen.get('d') ?? '')) / 1000).toBeCloseTo(10, -1)
  expect(['a', 'c', 'f'].map((id) => seen.get(id))).toEqual([null, null, null])

  const counted = await countWorkers(database.db)
  expect(Object.fromEntries(counted.map(({ state, workers }) => [state, workers]))).toEqual({
    waiting: 2,
    starting: 1,
    running: 1,
    silent: 2,
  })
  const due = counted.find(({ state }) => state === 'waiting')?.dueSec ?? 0
  expect(due).toBeGreaterThan(39)
  expect(due).toBeLessThan(60)
})
