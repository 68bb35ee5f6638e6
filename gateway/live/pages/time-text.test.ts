import { expect, test } from 'vitest'

import { countMinutes, formatBytes, formatClock, formatCountdown, parseClock } from './time-text.ts'

test.each([
  [0, '0:00'],
  [65.9, '1:05'],
  [3599, '59:59'],
  [7265, '2:01:05'],
  [-3, '0:00'],
])('%s seconds are %s on a clock', (seconds, text) => {
  expect(formatClock(seconds)).toBe(text)
})

test('a countdown has days only where two or more are left', () => {
  expect(formatCountdown(172_799, 'en')).toBe('47:59:59')
  expect(formatCountdown(259_200, 'en')).toBe('3 days')
  expect(formatCountdown(259_200, 'ja')).toBe('3 日')
})

test.each([
  [0, '1 minute'],
  [60, '1 minute'],
  [61, '2 minutes'],
  [900, '15 minutes'],
])('a wait of %i s is %s', (seconds, text) => {
  expect(countMinutes(seconds)).toBe(text)
})

test('a size has the unit that makes it short', () => {
  expect(formatBytes(12_540_000, 'en')).toBe('12.5 MB')
  expect(formatBytes(2_500_000_000, 'en')).toBe('2.5 GB')
})

test('a duration is read as it is shown, and in seconds', () => {
  expect(['1:05', '2:01:05', ' 90 ', '12.5'].map(parseClock)).toEqual([65, 7265, 90, 12.5])
  expect(['', 'a', '1:2:3:4', '-5', '1::2'].map(parseClock)).toEqual([null, null, null, null, null])
})
