import * as v from 'valibot'
import { expect, test } from 'vitest'

import { findNewSegments } from './playlist-cursor.ts'
import { PlaylistCursor } from './segment-identity.ts'
import type { StreamPlaylist, StreamSegment } from '../stream.ts'

function segment(sequence: number | null, url: string, changed: Partial<StreamSegment> = {}): StreamSegment {
  return {
    sequence,
    url: new URL(url, 'https://cdn.test/live/').href,
    durationSec: 2,
    programDateTimeMs: null,
    discontinuity: false,
    byteRange: null,
    map: null,
    encryption: null,
    ...changed,
  }
}

function playlist(...segments: StreamSegment[]): StreamPlaylist {
  return { segments, targetDurationSec: 2, isEnded: false }
}

/** Segments `from` to `to`, named by their number; `changed` may alter each. */
function numbered(
  from: number,
  to: number,
  changed: (index: number) => Partial<StreamSegment> = () => ({}),
): StreamPlaylist {
  const count = to - from + 1
  return playlist(...Array.from({ length: count }, (_, i) => segment(from + i, `seg${from + i}.ts`, changed(from + i))))
}

/** Reads playlists in sequence, with the cursor through JSON as after a restart. Returns the news of each. */
function read(...playlists: StreamPlaylist[]): { fresh: string[]; skipped: number }[] {
  let cursor: PlaylistCursor | null = null
  return playlists.map((each) => {
    const progress = findNewSegments(each, cursor)
    cursor = v.parse(v.nullable(PlaylistCursor), JSON.parse(JSON.stringify(progress.cursor)))
    const fresh = progress.fresh.map(({ url }) => url.replace('https://cdn.test/live/', ''))
    return { fresh, skipped: progress.skipped }
  })
}

const NOTHING = { fresh: [], skipped: 0 }

test('the first fetch takes the last 30 s, at least three segments, at most the window', () => {
  const longer = (durationSec: number) => () => ({ durationSec })
  expect(read(numbered(0, 99))[0]?.fresh).toHaveLength(15)
  expect(read(numbered(0, 99, longer(12)))[0]?.fresh).toEqual(['seg97.ts', 'seg98.ts', 'seg99.ts'])
  expect(read(numbered(0, 1, longer(60)))[0]?.fresh).toEqual(['seg0.ts', 'seg1.ts'])
  expect(read(playlist(), numbered(0, 0))).toEqual([NOTHING, { fresh: ['seg0.ts'], skipped: 0 }])
})

test('a sliding window has each segment once', () => {
  expect(read(numbered(5, 8), numbered(6, 9), numbered(6, 9), numbered(9, 11))).toEqual([
    { fresh: ['seg5.ts', 'seg6.ts', 'seg7.ts', 'seg8.ts'], skipped: 0 },
    { fresh: ['seg9.ts'], skipped: 0 },
    NOTHING,
    { fresh: ['seg10.ts', 'seg11.ts'], skipped: 0 },
  ])
})

test('segments that left the window unread are counted as skipped', () => {
  expect(read(numbered(5, 7), numbered(11, 12))[1]).toEqual({ fresh: ['seg11.ts', 'seg12.ts'], skipped: 3 })
  expect(read(numbered(5, 7), numbered(8, 9))[1]).toEqual({ fresh: ['seg8.ts', 'seg9.ts'], skipped: 0 })
})

test('a playlist that goes backwards has nothing new, and nothing twice afterwards', () => {
  expect(read(numbered(5, 8), numbered(4, 6), numbered(6, 9)).slice(1)).toEqual([
    NOTHING,
    { fresh: ['seg9.ts'], skipped: 0 },
  ])
})

test('a stale playlist older than the remembered segments is recognized by its program time', () => {
  const timed = (index: number) => ({ programDateTimeMs: 1_700_000_000_000 + index * 2000 })
  expect(read(numbered(100, 105, timed), numbered(40, 45, timed))[1]).toEqual(NOTHING)
})

test('all segments after a restart of the numbering are new, even with the same file names', () => {
  const all = { fresh: ['seg0.ts', 'seg1.ts', 'seg2.ts'], skipped: 0 }
  expect(read(numbered(500, 505), numbered(0, 2))[1]).toEqual(all)
  expect(read(numbered(0, 2), numbered(3, 5), numbered(0, 2), numbered(1, 3)).slice(2)).toEqual([
    all,
    { fresh: ['seg3.ts'], skipped: 0 },
  ])
})

test('a restart within the window is recognized by its program time or its names', () => {
  const at = (startMs: number) => (index: number) => ({ programDateTimeMs: startMs + index * 2000 })
  const all = { fresh: ['seg0.ts', 'seg1.ts'], skipped: 0 }
  expect(read(numbered(0, 5, at(1_700_000_000_000)), numbered(0, 1, at(1_700_000_060_000)))[1]).toEqual(all)
  const renamed = playlist(segment(0, 'b0.ts'), segment(1, 'b1.ts'))
  expect(read(numbered(0, 5), renamed)[1]).toEqual({ fresh: ['b0.ts', 'b1.ts'], skipped: 0 })
})

test('a restart before the window moved is recognized by the length of the playlist', () => {
  const anew = (length: number) =>
    read(numbered(0, length - 1), numbered(0, 0), numbered(0, 1), numbered(0, length - 1), numbered(1, length))
  for (const length of [5, 18]) {
    const rest = Array.from({ length: length - 2 }, (_, i) => `seg${i + 2}.ts`)
    expect(anew(length).slice(1)).toEqual([
      { fresh: ['seg0.ts'], skipped: 0 },
      { fresh: ['seg1.ts'], skipped: 0 },
      { fresh: rest, skipped: 0 },
      { fresh: [`seg${length}.ts`], skipped: 0 },
    ])
  }
})

test('a stale playlist of a stream that keeps all its segments has nothing new', () => {
  expect(read(numbered(0, 17), numbered(0, 14), numbered(0, 18)).slice(1)).toEqual([
    NOTHING,
    { fresh: ['seg18.ts'], skipped: 0 },
  ])
})

test('another path with the same numbers continues after the last one read, even with a clock seconds off', () => {
  const via =
    (path: string, apartMs: number, opaque = false) =>
    (index: number) => ({
      url: `https://cdn.test/live/${path}${opaque ? `${path.length}-${index}` : `seg${index}`}`,
      programDateTimeMs: 1_700_000_000_000 + index * 6000 + apartMs,
      durationSec: 6,
    })
  for (const apartMs of [3000, -3000]) {
    for (const opaque of [true, false]) {
      const backup = via('backup/', apartMs, opaque)
      const reads = read(
        numbered(100, 104, via('', 0, opaque)),
        numbered(100, 104, backup),
        numbered(101, 105, backup),
        numbered(102, 106, via('', 0, opaque)),
      )
      expect(reads.slice(1).map(({ fresh }) => fresh.length)).toEqual([0, 1, 1])
    }
  }
})

test('a stale playlist whose paths change with each fetch has nothing twice', () => {
  const via = (token: string) => (index: number) => ({ url: `https://cdn.test/${token}/seg${index}.ts` })
  const reads = read(
    numbered(100, 104, via('a')),
    numbered(105, 109, via('b')),
    numbered(101, 105, via('c')),
    numbered(106, 110, via('d')),
  )
  expect(reads.slice(1).map(({ fresh }) => fresh.length)).toEqual([5, 0, 1])
})

test('restarted numbers within the window are recognized by a program time that has advanced', () => {
  const at = (startMs: number) => (index: number) => ({ programDateTimeMs: startMs + index * 2000 })
  for (const laterMs of [14_000, 300_000]) {
    const reads = read(numbered(0, 5, at(1_700_000_000_000)), numbered(0, 3, at(1_700_000_000_000 + laterMs)))
    expect(reads[1]?.fresh).toHaveLength(4)
    const inner = read(numbered(0, 9, at(1_700_000_000_000)), numbered(3, 7, at(1_700_000_000_000 + laterMs)))
    expect(inner[1]?.fresh).toHaveLength(5)
  }
})

test('a leap of the numbering to the clock skips nothing', () => {
  expect(read(numbered(5, 7), numbered(1_700_000_000, 1_700_000_001))[1]).toMatchObject({ skipped: 0 })
})

test('without EXT-X-MEDIA-SEQUENCE segments are recognized by their URL', () => {
  const named = (...names: string[]) => playlist(...names.map((name) => segment(null, name)))
  expect(
    read(named('a', 'b', 'c'), named('b', 'c', 'd'), named('b', 'c', 'd'), named('a', 'b', 'c'), named('x', 'y')),
  ).toEqual([
    { fresh: ['a', 'b', 'c'], skipped: 0 },
    { fresh: ['d'], skipped: 0 },
    NOTHING,
    NOTHING,
    { fresh: ['x', 'y'], skipped: 0 },
  ])
})

test('without a sequence, names that recur are new, and a query may be the name', () => {
  const named = (...names: string[]) => playlist(...names.map((name) => segment(null, name)))
  expect(read(named('0', '1', '2'), named('1', '2', '3'), named('2', '3', '0')).map(({ fresh }) => fresh)).toEqual([
    ['0', '1', '2'],
    ['3'],
    ['0'],
  ])
  expect(read(named('s?n=1', 's?n=2'), named('s?n=2', 's?n=3'))[1]?.fresh).toEqual(['s?n=3'])
})

test('query tokens that change with each fetch make nothing new, with and without a sequence', () => {
  const tokened = (from: number, token: string, isNumbered: boolean) =>
    playlist(...[0, 1, 2].map((i) => segment(isNumbered ? from + i : null, `seg${from + i}.ts?token=${token}`)))
  for (const isNumbered of [true, false]) {
    expect(read(tokened(5, 'a', isNumbered), tokened(6, 'b', isNumbered))[1]).toEqual({
      fresh: ['seg8.ts?token=b'],
      skipped: 0,
    })
  }
})

test('a page that is resolved again, with other URLs, continues where it was', () => {
  const issued = (from: number, to: number, expires: number) =>
    playlist(
      ...numbered(from, to).segments.map((each) => ({
        ...each,
        url: `https://cdn.test/expire/${expires}/sq/${each.sequence}/seg.ts`,
      })),
    )
  expect(read(issued(5, 8, 1), issued(6, 9, 2))[1]?.fresh).toEqual(['https://cdn.test/expire/2/sq/9/seg.ts'])
  const timed = (names: string, from: number) =>
    numbered(from, from + 3, (i) => ({
      url: `https://cdn.test/live/${names}${i}`,
      programDateTimeMs: 1_700_000_000_000 + i * 2000,
    }))
  expect(read(timed('opaque', 5), timed('other', 6))[1]?.fresh).toEqual(['other9'])
})

test('a constant media sequence with a growing window has new segments', () => {
  expect(read(numbered(7, 8), numbered(7, 10))[1]).toEqual({ fresh: ['seg9.ts', 'seg10.ts'], skipped: 0 })
})

test('a constant media sequence with a sliding window has new segments', () => {
  const slid = (...names: string[]) => playlist(...names.map((name, index) => segment(0, name, { sequence: index })))
  expect(read(slid('a', 'b', 'c'), slid('b', 'c', 'd'), slid('c', 'd', 'e')).map(({ fresh }) => fresh)).toEqual([
    ['a', 'b', 'c'],
    ['d'],
    ['e'],
  ])
})

test('a discontinuity and byte ranges of one file do not disturb the cursor', () => {
  const cut = (from: number) =>
    playlist(
      ...[0, 1, 2].map((i) =>
        segment(null, 'all.mp4', { byteRange: { offset: (from + i) * 10, length: 10 }, discontinuity: i === 1 }),
      ),
    )
  expect(read(cut(0), cut(1))[1]?.fresh).toHaveLength(1)
  expect(
    read(
      numbered(5, 8),
      numbered(6, 9, (i) => ({ discontinuity: i === 9 })),
    )[1]?.fresh,
  ).toEqual(['seg9.ts'])
})

test('a cursor stays below 2 kB for any length of the playlist', () => {
  const { cursor: position } = findNewSegments(
    numbered(1_700_000_000, 1_700_005_000, (i) => ({
      url: `https://cdn.test/${'x'.repeat(500)}/${i}`,
      programDateTimeMs: i * 1000,
    })),
    null,
  )
  expect(JSON.stringify(position).length).toBeLessThan(2048)
})
