import { expect, test } from 'vitest'

import type { PartEvent } from '../../../shared/contract/live.ts'
import { createPartMemory } from './part-memory.ts'

const part = (n: number, number: number, more: Partial<PartEvent> = {}): PartEvent => ({
  epoch: 1,
  run: 1,
  n,
  part: number,
  rung: '360',
  duration_sec: 1 / 3,
  is_independent: number === 0,
  program_date_time: '2026-01-01T00:00:00.000Z',
  ...more,
})
const STREAM = 'stream'
const remember = (held: readonly string[], parts: readonly PartEvent[]) => {
  const memory = createPartMemory({ has: (name) => held.includes(name) }, STREAM)
  for (const one of parts) memory.add(one)
  return { memory, list: () => memory.list()?.map(({ epoch, n, part: number }) => `${epoch}/${n}.${number}`) }
}

test('a part that is announced again, as after a lost connection, is listed once', () => {
  const { list } = remember([], [part(0, 0), part(0, 1), part(0, 0), part(0, 1), part(0, 2)])
  expect(list()).toEqual(['1/0.0', '1/0.1', '1/0.2'])
})

test('of a worker that is gone, only parts are listed that are held, each with all before it', () => {
  const names = ['4.0', '4.1', '5.0', '5.2'].map((name) => `${STREAM}/1/360/${name}`)
  const { memory, list } = remember(names, [part(3, 0), part(4, 0), part(4, 1), part(5, 0), part(5, 1), part(5, 2)])
  memory.keepHeld()
  expect(list()).toEqual(['1/4.0', '1/4.1', '1/5.0'])
})

test('parts of the worker before are kept until the new one has some segments', () => {
  const next = (n: number) => part(n, 0, { epoch: 2 })
  expect(remember([], [part(9, 0), next(0), next(1), next(2)]).list()).toContain('1/9.0')
  expect(remember([], [part(9, 0), next(0), next(1), next(2), next(3)]).list()).toEqual([
    '2/0.0',
    '2/1.0',
    '2/2.0',
    '2/3.0',
  ])
})
