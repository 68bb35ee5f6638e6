import { expect, test } from 'vitest'

import { CONFIG } from '../../testing/monitor-scenario.ts'
import type { StreamPlaylist } from '../stream.ts'
import { computePollIntervalMs } from './poll-interval.ts'

function playlistOf(targetDurationSec: number, durationSec = targetDurationSec): StreamPlaylist {
  const segment = {
    sequence: 0,
    url: 'http://127.0.0.1/0.ts',
    durationSec,
    programDateTimeMs: null,
    discontinuity: false,
    byteRange: null,
    map: null,
    encryption: null,
  }
  return { segments: [segment], targetDurationSec, isEnded: false }
}

test('a playlist with news is fetched again after half a segment, one without news often', () => {
  const poll = (media: StreamPlaylist, hasNew: boolean, wasWaiting = false) =>
    computePollIntervalMs({ playlist: media, hasNew, wasWaiting, bytes: 1000 }, CONFIG)

  expect(poll(playlistOf(6), true)).toBe(3000)
  expect(poll(playlistOf(6, 2), true)).toBe(1000)
  expect([playlistOf(1), playlistOf(6), playlistOf(20)].map((each) => poll(each, false))).toEqual([250, 750, 1000])
})

test('a large playlist is fetched at most twice per target duration, and each within the check interval', () => {
  const bytes = 300 * 1024
  expect(computePollIntervalMs({ playlist: playlistOf(6), hasNew: false, wasWaiting: false, bytes }, CONFIG)).toBe(3000)
  const quick = { ...CONFIG, check_interval_sec: 1 }
  expect(computePollIntervalMs({ playlist: playlistOf(6), hasNew: true, wasWaiting: false, bytes }, quick)).toBe(1000)
})

test('with coverage latest, a playlist is fetched once per check interval', () => {
  const latest = { ...CONFIG, coverage: 'latest' as const }
  expect(computePollIntervalMs({ playlist: playlistOf(2), hasNew: true, wasWaiting: false, bytes: 1000 }, latest)).toBe(
    10_000,
  )
})
