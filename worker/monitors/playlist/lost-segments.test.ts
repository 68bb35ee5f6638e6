/** Segments that cannot be fetched, or are no media: how long they hold up those after them. */

import { expect, test } from 'vitest'

import { MEDIA, watchBroadcast } from '../../testing/watch-broadcast.ts'
import type { SegmentFetch } from '../stream.ts'

const MISSING: SegmentFetch = { kind: 'failed', failure: { status: 404, message: 'HTTP 404' } }

test.each([
  ['two', [5, 6], ''],
  ['one, and the next is announced as missing', [5], '#EXT-X-GAP\n'],
])('%s lost in a row hold up the next ones for as long as a single one', async (_, lost, tagOfNext) => {
  const watched = await watchBroadcast({
    window: 1000,
    tags: (n) => (n === 6 ? tagOfNext : ''),
    fetchSegment: (n) => (lost.includes(n) || n === 6 ? MISSING : MEDIA),
    black: [8, 13],
  })
  expect(watched.analyzed.slice(0, 8)).toEqual([0, 1, 2, 3, 4, 7, 8, 9])
  expect(watched.failed + watched.skipped).toBe(2)
  expect(watched.timesOf('alert.blackout')).toEqual([expect.closeTo(36.5, 0)])
})

test.each([
  ['of another scheme', (n: number) => `file:///${n}.ts`],
  ['that is too long', (n: number) => `${'x'.repeat(9000)}${n}.ts`],
])('a reference %s has failed at once, and the segments around it are analyzed', async (_, urlOf) => {
  const isLost = (n: number) => n === 5 || n === 12
  const watched = await watchBroadcast({
    window: 6,
    urlOf: (n) => (isLost(n) ? urlOf(n) : `${n}.ts`),
    fetchSegment: () => MEDIA,
    black: [6, 12],
    sec: 40,
  })
  const expected = Array.from({ length: watched.analyzed.length + 2 }, (_each, n) => n).filter((n) => !isLost(n))
  expect(watched.analyzed).toEqual(expected)
  expect(watched.analyzed.length).toBeGreaterThan(15)
  expect([watched.failed, watched.skipped]).toEqual([2, 0])
  // Segment 8 completes 5 s of black and is there at 12 s.
  expect(watched.timesOf('alert.blackout')).toEqual([expect.closeTo(12.5, 0)])
  expect(watched.timesOf('alert.segment_error')).toEqual([])
})

test.each([
  ['for a minute are an outage', 50, [expect.closeTo(70, -1)]],
  ['for less are none', 24, []],
])('segments that are announced as missing %s', async (_, until, alertsAtSec) => {
  const watched = await watchBroadcast({
    window: 6,
    tags: (n) => (n >= 8 && n < until ? '#EXT-X-GAP\n' : ''),
    fetchSegment: () => MEDIA,
    sec: 120,
  })
  expect(watched.timesOf('alert.segment_error')).toEqual(alertsAtSec)
  expect([watched.failed, watched.skipped]).toEqual([0, until - 8])
})

test('a segment that is not to be tried before a time is left out then; the others, and the playlist, are read', async () => {
  const refusal: SegmentFetch = { kind: 'failed', failure: { status: 503, message: 'HTTP 503', retryAfterMs: 40_000 } }
  const watched = await watchBroadcast({ window: 6, fetchSegment: (n) => (n === 6 ? refusal : MEDIA), black: [9, 14] })
  expect(watched.asked.filter((n) => n === 6)).toHaveLength(1)
  expect(watched.timesOf('alert.blackout')[0]).toBeLessThan(25)
  expect([watched.failed, watched.skipped]).toEqual([1, 0])
})

test.each([
  ['empty', ''],
  ['a page', '<!DOCTYPE html><title>Not here yet</title>'],
  ['a playlist', '#EXTM3U\n'],
])('an answer that is %s comes before the segment is there: it is tried again', async (_, text) => {
  const firstSec = new Map<number, number>()
  const fetchSegment = (n: number, sec: number): SegmentFetch => {
    if (!firstSec.has(n)) firstSec.set(n, sec)
    return sec - (firstSec.get(n) ?? 0) < 1 ? { ...MEDIA, bytes: Buffer.from(text) } : MEDIA
  }
  const watched = await watchBroadcast({ window: 6, fetchSegment, sec: 30 })
  expect([watched.failed, watched.skipped]).toEqual([0, 0])
  expect(watched.timesOf('alert.segment_error')).toEqual([])
})

test('a segment that stays empty has failed after a target duration', async () => {
  const fetchSegment = (n: number): SegmentFetch => (n === 5 ? { ...MEDIA, bytes: Buffer.alloc(0) } : MEDIA)
  const watched = await watchBroadcast({ window: 6, fetchSegment, black: [6, 9], sec: 30 })
  expect([watched.failed, watched.skipped]).toEqual([1, 0])
  expect(watched.timesOf('alert.blackout')[0]).toBeLessThan(14)
})

test('black goes on over the discontinuities of a playlist that is renewed in bursts', async () => {
  const watched = await watchBroadcast({
    window: 10,
    renewalSec: 14,
    tags: (n) => (n % 7 === 3 ? '#EXT-X-DISCONTINUITY\n' : ''),
    fetchSegment: () => MEDIA,
    black: [8, 12],
    sec: 40,
  })
  expect(watched.timesOf('alert.blackout')).toHaveLength(1)
})

test('a segment that is listed early by two origins in turn, with other numbers, is tried until it is there', async () => {
  let polls = 0
  const isLate = (n: number) => n % 3 === 0
  const watched = await watchBroadcast({
    window: 5,
    numberOf: (n) => n + 5000 * (polls++ % 2),
    fetchSegment: (n, sec) => (isLate(n) && sec < 2 * n - 1 ? MISSING : MEDIA),
    sec: 60,
  })
  expect(watched.analyzed).toEqual(watched.analyzed.map((_, index) => index))
  expect(watched.analyzed.length).toBeGreaterThan(25)
  expect([watched.failed, watched.skipped]).toEqual([0, 0])
})
