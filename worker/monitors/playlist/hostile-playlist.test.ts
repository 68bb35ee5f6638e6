/**
 * Playlists that mean harm. Reading takes time in proportion to the text, what it returns is bounded, and every number
 * can be computed with.
 */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { CONFIG } from '../../testing/monitor-scenario.ts'
import { formatTime } from '../state/monitor-event.ts'
import { findNewSegments } from '../state/playlist-cursor.ts'
import type { StreamPlaylist, StreamSegment } from '../stream.ts'
import { streamTimeMs } from './stream-time.ts'
import { rankRenditions } from './master-playlist.ts'
import { parsePlaylist } from './parse-playlist.ts'
import { computePollIntervalMs } from './poll-interval.ts'
import { computePatienceMs, computeRetryPauseMs } from './segment-retry.ts'
import { selectSegments } from './select-segments.ts'

const URL_BASE = 'http://cdn.test/live/index.m3u8'
/** Longest wait of setTimeout; a longer one ends at once. */
const MAX_TIMER_MS = 2 ** 31 - 1
const NOW_MS = Date.UTC(2026, 0)

/** Reads a text as a monitor does: parses it, and finds what is new in it before and after one that was read. */
function read(text: string): void {
  const parsed = parsePlaylist(text, { url: URL_BASE, previous: PREVIOUS })
  if (parsed.kind === 'master') rankRenditions(parsed.master)
  if (parsed.kind !== 'media') return
  const { cursor } = findNewSegments(parsed.playlist, null)
  selectSegments(findNewSegments(parsed.playlist, cursor).fresh, CONFIG, false)
}

/** A playlist of some thousand segments, which delta updates refer to. */
const PREVIOUS = parseMedia(`#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n${'#EXTINF:2\na.ts\n'.repeat(5000)}`)

function parseMedia(text: string): StreamPlaylist {
  const parsed = parsePlaylist(text, { url: URL_BASE })
  if (parsed.kind !== 'media') throw new Error(parsed.kind)
  return parsed.playlist
}

/** CPU time of this process that reading a text takes, in ms; the least of several runs. */
function measureCpuMs(text: string): number {
  const runs = Array.from({ length: 3 }, () => {
    const before = process.cpuUsage()
    read(text)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  })
  return Math.min(...runs)
}

const HEAD = '#EXTM3U\n'
const SMALL_LENGTH = 50_000
const LARGE_LENGTH = 4 * SMALL_LENGTH
/** Below it, the clock and the collection of garbage decide. */
const LEAST_MS = 150
/** Four times the text takes four times as long where reading is linear, and sixteen times as long where it is quadratic. */
const MAX_RATIO = 9

/** Fills a text of a length with copies of a part. */
function fill(part: string, length: number): string {
  return (HEAD + part.repeat(Math.ceil(length / part.length))).slice(0, length)
}

function expectLinear(part: string): void {
  const largeMs = measureCpuMs(fill(part, LARGE_LENGTH))
  const smallMs = measureCpuMs(fill(part, SMALL_LENGTH))
  expect(largeMs).toBeLessThan(Math.max(LEAST_MS, MAX_RATIO * smallMs))
}

describe('reading takes time in proportion to the text', () => {
  test.each([
    ['newlines', '\n'],
    ['carriage returns', '\r\n'],
    ['spaces', ' '],
    ['commas', ','],
    ['quotes', '"'],
    ['one line of attributes', '#EXT-X-MEDIA:'.padEnd(8000, 'A=,')],
    ['lines of commas', `#EXT-X-KEY:${','.repeat(8000)}\n`],
    ['lines of quotes', `#EXT-X-STREAM-INF:${'"'.repeat(8000)}\n`],
    ['lines of equals signs', `#EXT-X-MAP:${'='.repeat(8000)}\n`],
    ['lines of spaces', `#EXTINF:${' '.repeat(8000)}x\n`],
    ['lines of digits', `#EXTINF:${'9'.repeat(8000)}\n`],
    ['dates in brackets', `#EXT-X-PROGRAM-DATE-TIME:${'('.repeat(8000)}\n`],
    ['open variables', `#EXTINF:1\n${'{$'.repeat(4000)}\n`],
    ['variables', `#EXT-X-DEFINE:NAME="a",VALUE="b"\n#EXTINF:1\n${'{$a}'.repeat(2000)}\n`],
    ['segments', '#EXTINF:0.001,\na\n'],
    ['segments on hosts of many letters', `#EXTINF:1\nhttp://${'äöüß'.repeat(20)}/\n`],
    ['discontinuities', '#EXT-X-DISCONTINUITY\n#EXTINF:1\na\n'],
    ['delta updates', '#EXT-X-SKIP:SKIPPED-SEGMENTS=5000\n'],
    ['keys', '#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF:1\na\n'],
    ['variants and sounds', '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=a,URI=a\n#EXT-X-STREAM-INF:AUDIO=a\nx\n'],
  ])('of %s', (_, part) => expectLinear(part))

  test('of any parts', () => {
    const part = fc.oneof(
      fc.constantFrom(
        '#EXTINF:',
        '#EXT-X-KEY:',
        '#EXT-X-MAP:',
        '#EXT-X-DEFINE:NAME="a",VALUE=',
        '#EXT-X-SKIP:',
        '{$a}',
      ),
      fc.constantFrom('#EXT-X-STREAM-INF:', '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI=', '#EXT-X-BYTERANGE:', '@', '='),
      fc.constantFrom('\n', '\r', ' ', ',', '"', '\t', 'a', '1', '\u0000', '\uFEFF', 'http://', '../', '?', '%'),
    )
    const parts = fc.array(part, { minLength: 1, maxLength: 12 }).map((list) => list.join(''))
    fc.assert(fc.property(parts, expectLinear), { numRuns: 60 })
  })
})

test('a short text does not become a long one by its variables', () => {
  const value = 'x'.repeat(8000)
  const text = `${HEAD}#EXT-X-DEFINE:NAME="a",VALUE="${value}"\n${'#EXTINF:1\n{$a}\n'.repeat(10_000)}`
  const { segments } = parseMedia(text)
  const length = segments.reduce((sum, { url }) => sum + url.length, 0)
  expect(segments.length).toBeGreaterThan(1000)
  expect(length).toBeLessThan(17 * 1024 * 1024)
})

test('a playlist of more segments than a worker can keep is refused before they fill its memory', () => {
  const text = `${HEAD}${'#EXTINF:1\na\n'.repeat(60_000)}`
  expect(parsePlaylist(text, { url: URL_BASE })).toEqual({ kind: 'invalid', reason: 'has 50000 segments or more' })
})

test('a backlog of very many very short segments is not analyzed', () => {
  const { segments } = parseMedia(`${HEAD}${'#EXTINF:0.0001\na.ts\n'.repeat(5000)}`)
  expect(selectSegments(segments, CONFIG, false)).toMatchObject({ segments: { length: 3 }, omittedCount: 4997 })
})

/** Numbers as playlists declare them, mostly out of every range. */
const hostileNumber = fc.oneof(
  fc.constantFrom('9'.repeat(308), `${'9'.repeat(308)}.9`, '1e9', '1e308', '1e400', '-1', '-1e9', 'NaN', 'Infinity'),
  fc.constantFrom('', '0', '0.0', '-0', '+5', '0x10', '9223372036854775808', '18446744073709551615', '4294967296'),
  fc.constantFrom('9007199254740991', '9007199254740993', '4503599627370496', '999999999999999', '3600', '3600.001'),
  fc.double().map(String),
  fc.bigInt().map(String),
)
const hostileDate = fc.constantFrom(
  '+275760-09-13T00:00:00Z',
  '+275760-09-13T00:00:00.001Z',
  '-271821-04-20T00:00:00Z',
  '9999-12-31T23:59:59.999Z',
  '2199-12-31T23:59:59.999Z',
  '1970-01-01T00:00:00Z',
  '0000-01-01T00:00:00Z',
  'NaN',
  '',
  '2026-02-30T25:61:61Z',
)
const hostileLine = fc.oneof(
  hostileNumber.map((number) => `#EXTINF:${number},\ns.ts`),
  hostileNumber.map((number) => `#EXT-X-TARGETDURATION:${number}`),
  hostileNumber.map((number) => `#EXT-X-MEDIA-SEQUENCE:${number}`),
  hostileNumber.map((number) => `#EXT-X-SKIP:SKIPPED-SEGMENTS=${number}`),
  hostileNumber.map((number) => `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${number}`),
  fc
    .tuple(hostileNumber, hostileNumber)
    .map(([length, offset]) => `#EXT-X-BYTERANGE:${length}@${offset}\n#EXTINF:1\ns.ts`),
  hostileNumber.map((length) => `#EXT-X-BYTERANGE:${length}\n#EXTINF:1\ns.ts`),
  fc.tuple(hostileNumber, hostileNumber).map(([a, b]) => `#EXT-X-MAP:URI="i.mp4",BYTERANGE="${a}@${b}"`),
  hostileDate.map((date) => `#EXT-X-PROGRAM-DATE-TIME:${date}`),
  fc.constant('#EXTINF:2\ns.ts'),
)
const hostileText = fc.array(hostileLine, { minLength: 1, maxLength: 30 }).map((lines) => HEAD + lines.join('\n'))

function expectCountable(segment: StreamSegment): void {
  const { sequence, durationSec, byteRange, map, programDateTimeMs } = segment
  expect(sequence === null || Number.isSafeInteger(sequence)).toBe(true)
  expect(durationSec).toBeGreaterThan(0)
  expect(durationSec).toBeLessThanOrEqual(3600)
  expect(programDateTimeMs === null || Number.isFinite(programDateTimeMs)).toBe(true)
  for (const range of [byteRange, map?.byteRange ?? null]) {
    if (range === null) continue
    expect(range.length).toBeGreaterThan(0)
    expect(range.offset).toBeGreaterThanOrEqual(0)
    expect(Number.isSafeInteger(range.offset + range.length)).toBe(true)
  }
}

test('every number of a playlist is bounded: times can be formatted, segments counted and timers set', () => {
  fc.assert(
    fc.property(hostileText, hostileText, (text, next) => {
      const first = parsePlaylist(text, { url: URL_BASE })
      if (first.kind !== 'media') return
      const second = parsePlaylist(next, { url: URL_BASE, previous: first.playlist })
      const playlist = second.kind === 'media' ? second.playlist : first.playlist
      const { cursor } = findNewSegments(first.playlist, null)
      const news = findNewSegments(playlist, cursor)
      expect(Number.isSafeInteger(news.skipped) && news.skipped >= 0).toBe(true)
      for (const segment of [...first.playlist.segments, ...playlist.segments]) expectCountable(segment)
      for (const segment of playlist.segments) formatTime(streamTimeMs(segment, playlist, NOW_MS))
      for (const waitMs of listWaits(playlist)) {
        expect(waitMs).toBeGreaterThanOrEqual(0)
        expect(waitMs).toBeLessThanOrEqual(MAX_TIMER_MS)
      }
    }),
    { numRuns: 500 },
  )
})

/** Returns the waits that a playlist leads to, in ms. */
function listWaits(playlist: StreamPlaylist): readonly number[] {
  const [segment] = playlist.segments
  const poll = { playlist, hasNew: true, wasWaiting: false, bytes: 1000 }
  return [
    computePollIntervalMs(poll, CONFIG),
    computePollIntervalMs({ ...poll, hasNew: false }, CONFIG),
    computeRetryPauseMs({ attempts: 1000 }, playlist.targetDurationSec),
    ...(segment === undefined ? [] : [computePatienceMs(playlist, segment), 2000 * segment.durationSec]),
  ]
}
