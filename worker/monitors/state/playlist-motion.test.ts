import { expect, test } from 'vitest'

import { START_MS } from '../../testing/monitor-scenario.ts'
import { watchBroadcast } from '../../testing/watch-broadcast.ts'

const HOUR_SEC = 3600
const time = (sec: number) => `#EXT-X-PROGRAM-DATE-TIME:${new Date(START_MS + sec * 1000).toISOString()}\n`

test.each([
  ['set back by an hour', -HOUR_SEC],
  ['set back by half a minute', -30],
  ['set forward by an hour', HOUR_SEC],
])('a playlist whose program times are %s in mid-stream is read on, each segment once', async (_, leapSec) => {
  const watched = await watchBroadcast({
    window: 1000,
    tags: (n, sec) => time(2 * n + (sec >= 20 ? leapSec : 0)),
    black: [16, 21],
  })
  expect(watched.analyzed).toEqual(watched.analyzed.map((_n, index) => index))
  expect(watched.analyzed.length).toBeGreaterThanOrEqual(30)
  expect([watched.failed, watched.skipped]).toEqual([0, 0])
  expect(watched.timesOf('alert.blackout')).toHaveLength(1)
})

test.each([
  ['all program times are the same', () => time(0)],
  ['the first program time is never renewed', (n: number, first: number) => (n === first ? time(0) : '')],
])('a playlist in which %s is read by its numbers', async (_, tag) => {
  const window = 4
  const watched = await watchBroadcast({
    window,
    tags: (n, sec) => tag(n, Math.max(0, 3 + Math.floor(sec / 2) - window)),
  })
  expect(watched.analyzed).toEqual(watched.analyzed.map((_n, index) => index))
  expect(watched.analyzed.length).toBeGreaterThanOrEqual(30)
})

test('a leap of the numbers counts no more segments as skipped than the program times allow', async () => {
  const watched = await watchBroadcast({ window: 4, numberOf: (n) => (n < 12 ? n : n + 987), tags: (n) => time(2 * n) })
  expect(watched.analyzed.length).toBeGreaterThanOrEqual(30)
  expect(watched.skipped).toBe(0)
})

test.each([
  ['counts from 0 for ever', false],
  ['has no numbers', true],
])(
  'a playlist that %s and whose paths have a new token at each fetch is read once, and stands still when it does',
  async (_, isUnnumbered) => {
    const watched = await watchBroadcast({
      window: 5,
      numberOf: () => 0,
      isUnnumbered,
      urlOf: (n, sec) => `${Math.round(sec * 1000)}/${n}.ts`,
      untilSec: 40,
      sec: 80,
    })
    expect(watched.analyzed).toEqual(watched.analyzed.map((_n, index) => index))
    expect(watched.analyzed.length).toBeGreaterThanOrEqual(20)
    // While it stands still, its content is compared from time to time.
    expect(watched.asked.length).toBeLessThan(watched.analyzed.length + 45)
    expect(watched.timesOf('stream.suspended')).toEqual([expect.closeTo(50, -1)])
    expect(watched.timesOf('stream.resumed')).toEqual([])
  },
)

test('a playlist without numbers whose names count from 0 in each window is read by the content', async () => {
  const watched = await watchBroadcast({
    window: 5,
    isUnnumbered: true,
    urlOf: (n, sec) => `${Math.round(sec * 1000)}/${n - Math.max(0, 3 + Math.floor(sec / 2) - 5)}.ts?n=${n}`,
  })
  expect(new Set(watched.analyzed).size).toBe(watched.analyzed.length)
  expect(watched.analyzed.length).toBeGreaterThanOrEqual(25)
})
