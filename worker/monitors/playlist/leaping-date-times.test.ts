import { describe, expect, test } from 'vitest'

import { START_MS } from '../../testing/monitor-scenario.ts'
import { MEDIA, type WatchedBroadcast, watchBroadcast } from '../../testing/watch-broadcast.ts'

/** Watches black from segment 6 on, with date-times that leap at segment 7; what is tagged there besides. */
function watchLeap(leapSec: number, tag: string, changed: Partial<WatchedBroadcast>) {
  const timeOf = (n: number) => new Date(START_MS + (2 * n + (n >= 7 ? leapSec : 0)) * 1000).toISOString()
  return watchBroadcast({
    window: 5,
    tags: (n) => `${n === 7 ? tag : ''}#EXT-X-PROGRAM-DATE-TIME:${timeOf(n)}\n`,
    fetchSegment: () => MEDIA,
    black: [6, 12],
    sec: 40,
    ...changed,
  })
}

const DISCONTINUITY = '#EXT-X-DISCONTINUITY\n'

describe.each([-3600, -3, 3, 3600])('black over date-times that leap by %s s', (leapSec) => {
  test.each([
    ['numbers', '', {}],
    ['the timestamps of the media after a discontinuity', DISCONTINUITY, { hasClock: true }],
  ])('is one run where %s go on', async (_, tag, changed) => {
    const watched = await watchLeap(leapSec, tag, changed)
    // Segment 8 completes 5 s of black and is there at 12 s.
    expect(watched.timesOf('alert.blackout')).toEqual([expect.closeTo(12.5, 0)])
    expect(watched.timesOf('alert.blackout_recovered')).toHaveLength(1)
    expect([watched.failed, watched.skipped]).toEqual([0, 0])
  })
})

test('black before a discontinuity ends where date-times and timestamps leap', async () => {
  const watched = await watchLeap(3600, DISCONTINUITY, {})
  expect(watched.timesOf('alert.blackout')).toEqual([expect.closeTo(14.5, 0)])
})
