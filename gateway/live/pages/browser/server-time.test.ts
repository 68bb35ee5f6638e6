import { expect, test } from 'vitest'

import { noteServerTime, serverTime } from './server-time.ts'

const at = (ms: number) => new Date(ms).toISOString()

test('the time is that of the gateway, by the message that was on its way for the shortest time', () => {
  expect(serverTime(5000)).toBe(5000)
  noteServerTime(at(3_600_000), 10_000)
  expect(serverTime(10_000)).toBe(3_600_000)
  // Two seconds on its way.
  noteServerTime(at(3_602_000), 14_000)
  expect(serverTime(14_000)).toBe(3_604_000)
  noteServerTime(at(3_606_100), 16_000)
  expect(serverTime(16_000)).toBe(3_606_100)
  noteServerTime('no time', 17_000)
  expect(serverTime(16_000)).toBe(3_606_100)
})

test('a clock of a device that is set right is noticed', () => {
  noteServerTime(at(9_000_000), 1_000_000)
  noteServerTime(at(9_002_000), 9_002_000)
  expect(serverTime(9_002_000)).toBe(9_002_000)
})
