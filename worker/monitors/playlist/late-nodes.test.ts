/** A CDN of two nodes, one of which is behind by more than a window: its segments were all read, or missed, before. */

import { describe, expect, test } from 'vitest'

import { MEDIA, type WatchedBroadcast, watchBroadcast } from '../../testing/watch-broadcast.ts'

/** Returns a broadcast from segment `firstN` on, in whose place a node that is `behind` answers at some times. */
function withLateNode(
  { firstN, behind, isLate }: { firstN: number; behind: number; isLate: (sec: number) => boolean },
  changed: Partial<WatchedBroadcast> = {},
): WatchedBroadcast {
  let now = 0
  const shown = (n: number) => firstN + n - (isLate(now) ? behind : 0)
  return {
    window: 5,
    tags: (_, sec) => {
      now = sec
      return ''
    },
    numberOf: shown,
    urlOf: (n) => `${shown(n)}.ts`,
    fetchSegment: () => MEDIA,
    black: [firstN + 10, firstN + 15],
    sec: 80,
    ...changed,
  }
}

const IN_TURN = (sec: number) => Math.floor(sec / 2) % 2 === 1

describe.each([
  ['at the beginning of the broadcast', 40, 8],
  ['by many windows', 500, 40],
])('of a node that is behind %s', (_, firstN, behind) => {
  test.each([
    ['in turn', IN_TURN],
    ['for a while', (sec: number) => sec > 30 && sec < 50],
  ])('nothing is read twice or counted as skipped where it answers %s', async (_when, isLate) => {
    const watched = await watchBroadcast(withLateNode({ firstN, behind, isLate }, { window: 12 }))
    expect(watched.analyzed).toEqual(watched.analyzed.map((_n, index) => firstN + index))
    expect(watched.analyzed.length).toBeGreaterThan(30)
    expect([watched.failed, watched.skipped]).toEqual([0, 0])
    expect(watched.timesOf('alert.blackout')).toHaveLength(1)
  })

  test('what it lists that was skipped at first stays skipped', async () => {
    const isLate = (sec: number) => sec < 2 || (sec > 10 && IN_TURN(sec))
    const watched = await watchBroadcast(withLateNode({ firstN, behind, isLate }))
    const { analyzed, skipped } = watched
    expect(analyzed).toEqual([...new Set(analyzed)].toSorted((a, b) => a - b))
    const [first = 0, last = 0] = [analyzed[0], analyzed.at(-1)]
    expect(analyzed.length + skipped).toBe(last - first + 1)
  })
})

test('a node that shows the first segments again is behind; an encoder that goes on with them has begun again', async () => {
  const late = await watchBroadcast(withLateNode({ firstN: 0, behind: 8, isLate: (sec) => sec > 18 && IN_TURN(sec) }))
  expect(late.analyzed).toEqual(late.analyzed.map((_, index) => index))
  expect(late.skipped).toBe(0)
  const again = await watchBroadcast({
    window: 4,
    numberOf: (n) => (n < 18 ? n : n - 18),
    urlOf: (n) => `${n < 18 ? n : n - 18}.ts`,
    fetchSegment: () => MEDIA,
    sec: 90,
  })
  expect(again.analyzed.slice(-10)).toEqual(
    Array.from({ length: 10 }, (_, index) => (again.analyzed.at(-1) ?? 0) - 9 + index),
  )
  expect(again.analyzed.at(-1)).toBeLessThan(40)
})

test('in a doubtful playlist that holds a segment to try again, each segment is fetched once to know it', async () => {
  let polls = 0
  const fetches = new Map<string, number>()
  const watched = await watchBroadcast({
    window: 5,
    numberOf: (n) => n + 5000 * (polls++ % 2),
    urlOf: (n) => (polls % 2 === 0 ? `backup/${n}.ts` : `${n}.ts`),
    fetchSegment: (n, sec) => {
      const key = `${n} of poll ${polls}`
      fetches.set(key, (fetches.get(key) ?? 0) + 1)
      const isMissing = n % 4 === 0 && sec < 2 * n - 2
      return isMissing ? { kind: 'failed', failure: { status: 404, message: 'HTTP 404' } } : MEDIA
    },
    sec: 60,
  })
  expect(watched.analyzed).toEqual(watched.analyzed.map((_, index) => index))
  // Once more to analyze it.
  expect(Math.max(...fetches.values())).toBe(2)
})
