import { expect, test } from 'vitest'

import { createPartBuffer, type KeptPart } from './part-buffer.ts'
import { createPartGate } from './part-gate.ts'

const partOf = (n: number, part: number): KeptPart => ({
  bytes: Buffer.from(`${n}.${part}`),
  event: {
    epoch: 1,
    run: 1,
    n,
    part,
    rung: '360',
    duration_sec: 0.333,
    is_independent: part === 0,
    program_date_time: '2026-11-29T00:00:00.000Z',
  },
})

test('parts wait until the gate is opened, and then pass in order', () => {
  const parts = createPartBuffer()
  const gate = createPartGate(parts)
  const names = () => parts.list().map(({ bytes }) => bytes.toString())
  gate.add(partOf(0, 0))
  gate.add(partOf(0, 1))
  expect([names(), parts.find('1/360/0.0')]).toEqual([[], null])
  gate.open()
  gate.add(partOf(1, 0))
  gate.open()
  expect(names()).toEqual(['0.0', '0.1', '1.0'])
})

test('only the newest segments wait', () => {
  const parts = createPartBuffer()
  const gate = createPartGate(parts)
  for (let n = 0; n < 100; n++) gate.add(partOf(n, 0))
  gate.open()
  expect(parts.list()).toHaveLength(6)
})
