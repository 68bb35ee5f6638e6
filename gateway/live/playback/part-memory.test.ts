import { expect, test } from 'vitest'

import type { PartEvent } from '../../../shared/contract/live.ts'
import { buildPart } from '../testing/build-part.ts'
import { createPartMemory } from './part-memory.ts'

const STREAM = 'stream'
const remember = (held: readonly string[], parts: readonly PartEvent[]) => {
  const memory = createPartMemory({ has: (name) => held.includes(name) }, STREAM)
  for (const one of parts) memory.add(one)
  return { memory, list: () => memory.list()?.map(({ epoch, n, part: number }) => `${epoch}/${n}.${number}`) }
}

test('a part that is announced again, as after a lost connection, is listed once', () => {
  const { list } = remember([], [buildPart(0, 0), buildPart(0, 1), buildPart(0, 0), buildPart(0, 1), buildPart(0, 2)])
  expect(list()).toEqual(['1/0.0', '1/0.1', '1/0.2'])
})

test('of a worker that is gone, only parts are listed that are held, each with all before it', () => {
  const names = ['4.0', '4.1', '5.0', '5.2'].map((name) => `${STREAM}/1/360/${name}`)
  const { memory, list } = remember(names, [
    buildPart(3, 0),
    buildPart(4, 0),
    buildPart(4, 1),
    buildPart(5, 0),
    buildPart(5, 1),
    buildPart(5, 2),
  ])
  memory.keepHeld()
  expect(list()).toEqual(['1/4.0', '1/4.1', '1/5.0'])
})

test('parts of the worker before are kept until the new one has some segments', () => {
  const next = (n: number) => buildPart(n, 0, { epoch: 2 })
  expect(remember([], [buildPart(9, 0), next(0), next(1), next(2)]).list()).toContain('1/9.0')
  expect(remember([], [buildPart(9, 0), next(0), next(1), next(2), next(3)]).list()).toEqual([
    '2/0.0',
    '2/1.0',
    '2/2.0',
    '2/3.0',
  ])
})
