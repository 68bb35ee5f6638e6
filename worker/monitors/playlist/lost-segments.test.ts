/** Segments that cannot be fetched, or are no media: how long they hold up those after them. Time is the test's own. */

import { expect, test } from 'vitest'

import type { MonitorEvent } from '../../../shared/contract/monitors.ts'
import { createLog } from '../../../shared/log.ts'
import { CONFIG, live, START_MS } from '../../testing/monitor-scenario.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { afterObservation } from '../state/after-observation.ts'
import { INITIAL_STATE, type MonitorState } from '../state/monitor-state.ts'
import type { SegmentFetch } from '../stream.ts'
import { parsePlaylist } from './parse-playlist.ts'
import { INITIAL_POLL_RESULT, type PollResult, pollRendition } from './poll-rendition.ts'

const TARGET_SEC = 2
const URL = 'http://cdn.test/live.m3u8'
const never = new AbortController().signal
const MEDIA_BYTES = Buffer.from('media')
const MEDIA: SegmentFetch = { kind: 'ok', bytes: MEDIA_BYTES, isTruncated: false, map: null }
const MISSING: SegmentFetch = { kind: 'failed', failure: { status: 404, message: 'HTTP 404' } }

type Broadcast = {
  /** Segments that the playlist holds at most. */
  readonly window: number
  /** Lines before a segment. */
  readonly tags?: (n: number) => string
  /** Seconds between two renewals of the playlist, one segment by default. */
  readonly renewalSec?: number
  readonly fetchSegment: (n: number, sec: number) => SegmentFetch
  /** Black segments. */
  readonly black?: readonly [from: number, until: number]
  readonly sec?: number
}

/** Watches a broadcast with a segment every two seconds; three exist at its start. */
async function watch({ window, tags, renewalSec = TARGET_SEC, fetchSegment, black = [0, 0], sec = 60 }: Broadcast) {
  let [nowMs, state, last]: [number, MonitorState, PollResult] = [START_MS, INITIAL_STATE, INITIAL_POLL_RESULT]
  const events: (Pick<MonitorEvent, 'event_type'> & { readonly atSec: number })[] = []
  const asked: number[] = []
  const analyzed: number[] = []
  const atSec = () => (nowMs - START_MS) / 1000
  let current = 0
  const observe: MonitorContext['monitor']['observe'] = (observation) => {
    const after = afterObservation(state, observation, CONFIG)
    state = after.state
    events.push(...after.events.map(({ event_type }) => ({ event_type, atSec: atSec() })))
  }
  function list(): string {
    const count = 3 + (renewalSec / TARGET_SEC) * Math.floor(atSec() / renewalSec)
    const first = Math.max(0, count - window)
    const lines = Array.from(
      { length: count - first },
      (_, i) => `${tags?.(first + i) ?? ''}#EXTINF:2,\n${first + i}.ts`,
    )
    return `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:${first}\n${lines.join('\n')}`
  }
  const context: MonitorContext = {
    monitor: { state: () => state, observe },
    config: CONFIG,
    client: {
      resolve: () => Promise.reject(new Error('not called')),
      async fetchPlaylist() {
        const parsed = parsePlaylist(list(), { url: URL })
        if (parsed.kind !== 'media') throw new Error(parsed.kind)
        return { kind: 'ok', playlist: parsed.playlist, bytes: 1000 }
      },
      async fetchSegment({ url }) {
        current = Number(/(\d+)\.ts$/.exec(url)?.[1])
        asked.push(current)
        nowMs += 50
        return fetchSegment(current, atSec())
      },
    },
    clock: { nowMs: () => nowMs },
    lifetime: { stopping: never, killed: never },
    log: createLog('test', 'error', () => {}),
  }
  const probe = {
    async analyze({ bytes }: { readonly bytes: Uint8Array }) {
      if (!Buffer.from(bytes).equals(MEDIA_BYTES)) return { kind: 'failed' as const, error: 'segment is no media' }
      analyzed.push(current)
      const isBlack = current >= black[0] && current < black[1]
      const spans = isBlack ? { blackout: [{ fromSec: 0, toSec: TARGET_SEC }] } : {}
      const present = { kind: 'present' as const, spans: {} }
      const findings = { picture: { kind: 'present' as const, spans }, sound: present }
      return { kind: 'analyzed' as const, durationSec: TARGET_SEC, pictures: 1, findings }
    },
    [Symbol.asyncDispose]: async () => {},
  }
  observe(live(START_MS))
  while (atSec() < sec) {
    nowMs = Math.max(nowMs, last.dueMs)
    last = await pollRendition({ rendition: { url: URL, tracks: 'both' }, probe, last }, context)
  }
  const timesOf = (type: string) => events.filter((event) => event.event_type === type).map((event) => event.atSec)
  const { segments_failed: failed, segments_skipped: skipped } = state.statistics
  return { analyzed, asked, failed, skipped, timesOf }
}

test.each([
  ['two', [5, 6], ''],
  ['one, and the next is announced as missing', [5], '#EXT-X-GAP\n'],
])('%s lost in a row hold up the next ones for as long as a single one', async (_, lost, tagOfNext) => {
  const watched = await watch({
    window: 1000,
    tags: (n) => (n === 6 ? tagOfNext : ''),
    fetchSegment: (n) => (lost.includes(n) || n === 6 ? MISSING : MEDIA),
    black: [8, 13],
  })
  expect(watched.analyzed.slice(0, 8)).toEqual([0, 1, 2, 3, 4, 7, 8, 9])
  expect(watched.failed + watched.skipped).toBe(2)
  expect(watched.timesOf('alert.blackout')).toEqual([expect.closeTo(36.5, 0)])
})

test('a segment that is not to be tried before a time is left out then; the others, and the playlist, are read', async () => {
  const refusal: SegmentFetch = { kind: 'failed', failure: { status: 503, message: 'HTTP 503', retryAfterMs: 40_000 } }
  const watched = await watch({ window: 6, fetchSegment: (n) => (n === 6 ? refusal : MEDIA), black: [9, 14] })
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
  const watched = await watch({ window: 6, fetchSegment, sec: 30 })
  expect([watched.failed, watched.skipped]).toEqual([0, 0])
  expect(watched.timesOf('alert.segment_error')).toEqual([])
})

test('a segment that stays empty has failed after a target duration', async () => {
  const fetchSegment = (n: number): SegmentFetch => (n === 5 ? { ...MEDIA, bytes: Buffer.alloc(0) } : MEDIA)
  const watched = await watch({ window: 6, fetchSegment, black: [6, 9], sec: 30 })
  expect([watched.failed, watched.skipped]).toEqual([1, 0])
  expect(watched.timesOf('alert.blackout')[0]).toBeLessThan(14)
})

test('black goes on over the discontinuities of a playlist that is renewed in bursts', async () => {
  const watched = await watch({
    window: 10,
    renewalSec: 14,
    tags: (n) => (n % 7 === 3 ? '#EXT-X-DISCONTINUITY\n' : ''),
    fetchSegment: () => MEDIA,
    black: [8, 12],
    sec: 40,
  })
  expect(watched.timesOf('alert.blackout')).toHaveLength(1)
})
