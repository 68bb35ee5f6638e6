import { expect, test } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { StoreError } from '../stores/store.ts'
import { repeatWhileFull } from './repeat-while-full.ts'

const FULL = new StoreError('ENOSPC', 'the disk of the local store is full')

/** Returns work that fails some times. */
function createWork(failures: number, error: Error = FULL) {
  let calls = 0
  return {
    calls: () => calls,
    run: async () => {
      if (calls++ < failures) throw error
      return 'done'
    },
  }
}

function createWait(patienceMs: number) {
  const lines: string[] = []
  const abort = new AbortController()
  const log = createLog('test', 'warn', (line) => lines.push(line))
  const patience = { ms: patienceMs, giveUp: (reason: string) => reason }
  return { lines, abort, wait: { patience, log, signal: abort.signal } }
}

test('work waits for space, and is done once there is some', async () => {
  const { lines, wait } = createWait(60_000)
  const work = createWork(1)
  const waits: string[] = []
  expect(await repeatWhileFull(work.run, { ...wait, onWait: (reason) => waits.push(reason) })).toBe('done')
  expect([work.calls(), waits]).toEqual([2, ['no space is left (ENOSPC): the disk of the local store is full']])
  expect(lines.join()).toContain('no space is left, waiting for it')
})

test('work without space has ENOSPC as its reason once the wait is over', async () => {
  const { wait } = createWait(0)
  expect(await repeatWhileFull(createWork(9).run, wait)).toBe(
    'no space is left (ENOSPC): the disk of the local store is full',
  )
})

test('any other error is thrown at once, and that of a full disk where the worker stops', async () => {
  const { wait, abort } = createWait(60_000)
  const other = new StoreError('STORE_REFUSED', 'no')
  await expect(repeatWhileFull(createWork(9, other).run, wait)).rejects.toBe(other)
  const work = createWork(9)
  const stopped = repeatWhileFull(work.run, { ...wait, onWait: () => abort.abort() })
  await expect(stopped).rejects.toBe(FULL)
})
