/** Playlists that a CDN takes from two origins, which number and name the same segments in their own ways. */

import { expect, test } from 'vitest'

import { MEDIA, watchBroadcast, type WatchedBroadcast } from '../../testing/watch-broadcast.ts'
import type { SegmentFetch } from '../stream.ts'

const MISSING: SegmentFetch = { kind: 'failed', failure: { status: 404, message: 'HTTP 404' } }

/** Returns a broadcast that `origin` serves at a time: 0 or 1, the second with other numbers and names. */
function fromOrigins(origin: (sec: number) => number, shift: number): WatchedBroadcast {
  let now = 0
  return {
    window: 5,
    tags: (_, sec) => {
      now = sec
      return ''
    },
    numberOf: (n) => n + shift * origin(now),
    urlOf: (n, sec) => (origin(sec) === 0 ? `${n}.ts` : `backup/${n}.ts`),
    fetchSegment: () => MEDIA,
    black: [10, 15],
    sec: 60,
  }
}

const IN_TURN = (sec: number) => Math.floor(sec / 2) % 2

test.each([
  ['two origins in turn', IN_TURN, 5000],
  ['two origins in turn, one of which counts from 0', (sec: number) => 1 - IN_TURN(sec), 1_700_000_000],
  ['an origin that another one replaces', (sec: number) => (sec < 20 ? 0 : 1), 5000],
  ['an origin that one with lower numbers replaces', (sec: number) => (sec < 20 ? 1 : 0), 5000],
])('of %s each segment is analyzed once, and none is skipped', async (_, origin, shift) => {
  const watched = await watchBroadcast(fromOrigins(origin, shift))
  expect(watched.analyzed).toEqual(watched.analyzed.map((_n, index) => index))
  expect(watched.analyzed.length).toBeGreaterThan(25)
  expect([watched.failed, watched.skipped]).toEqual([0, 0])
  expect(watched.timesOf('alert.blackout')).toHaveLength(1)
})

test('a segment that is listed early is tried until it is there, whichever of two origins lists it', async () => {
  const broadcast = fromOrigins(IN_TURN, 5000)
  const fetchSegment = (n: number, sec: number) => (n % 3 === 0 && sec < 2 * n - 1 ? MISSING : MEDIA)
  const watched = await watchBroadcast({ ...broadcast, fetchSegment })
  expect(watched.analyzed).toEqual(watched.analyzed.map((_n, index) => index))
  expect([watched.failed, watched.skipped]).toEqual([0, 0])
})

test('an encoder that begins again with the same numbers, names and media is a restart', async () => {
  const watched = await watchBroadcast({
    window: 4,
    // From 30 s on, the segments and names of the beginning come again.
    numberOf: (n) => (n < 18 ? n : n - 18),
    urlOf: (n) => `${n < 18 ? n : n - 18}.ts`,
    fetchSegment: () => MEDIA,
    sec: 60,
  })
  expect(watched.analyzed.filter((n) => n === 2).length).toBeGreaterThan(1)
})

test('silence that is the same in all segments does not make those of a leap known', async () => {
  const same: SegmentFetch = { ...MEDIA, bytes: Buffer.from('media 1') }
  const watched = await watchBroadcast({
    window: 5,
    numberOf: (n) => (n < 12 ? n : n + 300),
    urlOf: (n) => (n < 12 ? `${n}.ts` : `other/${n}.ts`),
    fetchSegment: () => same,
    sec: 50,
  })
  expect(watched.analyzed.length).toBeGreaterThan(20)
})
