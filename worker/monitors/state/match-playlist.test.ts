import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import type { StreamPlaylist, StreamSegment } from '../stream.ts'
import { findNewSegments } from './playlist-cursor.ts'
import { PlaylistCursor } from './segment-identity.ts'

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

describe('a window that is numbered anew', () => {
  /** The six segments from `from`, named and timed by their index, with numbers that begin elsewhere. */
  const renumbered = (from: number, sequence: number, isTimed: boolean) =>
    playlist(
      ...Array.from({ length: 6 }, (_, i) =>
        segment(sequence + i, `seg${from + i}.ts`, {
          programDateTimeMs: isTimed ? 1_700_000_000_000 + (from + i) * 2000 : null,
        }),
      ),
    )
  const news = (...playlists: StreamPlaylist[]) => read(...playlists).slice(1)

  test.each([true, false])('has each segment once, with times: %s', (isTimed) => {
    const sequences = [632, 1, 2, 3_262_993_155, -1_031_974_141]
    const windows = sequences.map((sequence, index) => renumbered(index, sequence, isTimed))
    expect(news(...windows)).toEqual([5, 6, 7, 8, 9].slice(1).map((i) => ({ fresh: [`seg${i}.ts`], skipped: 0 })))
  })

  test.each([true, false])('by two origins in turn has each segment once, with times: %s', (isTimed) => {
    const windows = [0, 1, 2, 3, 4].map((i) => renumbered(i, i + (i % 2 === 0 ? 100 : 5100), isTimed))
    expect(news(...windows)).toEqual([6, 7, 8, 9].map((i) => ({ fresh: [`seg${i}.ts`], skipped: 0 })))
  })

  test('and named anew is recognized by its times', () => {
    const other = (from: number) =>
      playlist(
        ...renumbered(from, 9000 + from, true).segments.map((each) => ({
          ...each,
          url: `${each.url}x/other${each.sequence}`,
        })),
      )
    expect(news(renumbered(0, 5, true), other(1), renumbered(2, 7, true)).map(({ fresh }) => fresh.length)).toEqual([
      1, 1,
    ])
  })
})

test('names that change with each fetch make nothing new', () => {
  const named = (from: number, fetch: number) =>
    numbered(from, from + 4, (i) => ({ url: `https://x.test/${fetch}-${i}` }))
  const counts = read(named(5, 1), named(5, 2), named(6, 3), named(6, 4)).map(({ fresh }) => fresh.length)
  expect(counts).toEqual([5, 0, 1, 0])
})

test('a clock that is set in mid-stream makes nothing new, whether old times are renewed or not', () => {
  const at = (leapMs: number, fromIndex: number) => (i: number) => ({
    programDateTimeMs: 1_700_000_000_000 + i * 2000 + (i >= fromIndex ? leapMs : 0),
  })
  for (const leapMs of [3_600_000, -3_600_000]) {
    expect(read(numbered(5, 9), numbered(6, 10, at(leapMs, 10)))[1]?.fresh).toEqual(['seg10.ts'])
    const dated = numbered(5, 9, at(0, 0))
    expect(read(dated, numbered(6, 10, at(leapMs, 10)))[1]?.fresh).toEqual(['seg10.ts'])
    expect(read(dated, numbered(6, 10, at(leapMs, 0)))[1]?.fresh).toEqual(['seg10.ts'])
  }
})

test('a segment that directly follows the last one read is known as such', () => {
  const { cursor } = findNewSegments(numbered(5, 8), null)
  expect(findNewSegments(numbered(6, 9), cursor).isContinuous).toBe(true)
  expect(findNewSegments(numbered(9, 11), cursor).isContinuous).toBe(true)
  expect(findNewSegments(numbered(10, 11), cursor).isContinuous).toBe(false)
  expect(findNewSegments(numbered(0, 1), cursor).isContinuous).toBe(false)
})

test('segments that were missed are counted once, also by a process that starts before the next is read', () => {
  const { cursor } = findNewSegments(numbered(5, 7), null)
  const { skipped, before } = findNewSegments(numbered(11, 12), cursor)
  expect(skipped).toBe(3)
  expect(findNewSegments(numbered(11, 12), before)).toMatchObject({
    skipped: 0,
    fresh: [{ sequence: 11 }, { sequence: 12 }],
  })
})

test('segments that were missed are not new in a node that is behind and still lists them', () => {
  const { cursor } = findNewSegments(numbered(5, 7), null)
  const after = findNewSegments(numbered(11, 12), cursor).cursor
  for (const behind of [numbered(5, 10), numbered(6, 9), numbered(8, 10), numbered(8, 9)]) {
    expect(findNewSegments(behind, after)).toMatchObject({ fresh: [], skipped: 0 })
  }
  expect(read(numbered(5, 7), numbered(11, 12), numbered(8, 10), numbered(9, 13)).slice(2)).toEqual([
    { fresh: [], skipped: 0 },
    { fresh: ['seg13.ts'], skipped: 0 },
  ])
  // As before the first one after them could be fetched.
  const { before } = findNewSegments(numbered(11, 12), cursor)
  for (const behind of [numbered(6, 10), numbered(8, 10)]) expect(findNewSegments(behind, before).fresh).toEqual([])
  expect(findNewSegments(numbered(8, 11), before).fresh).toMatchObject([{ sequence: 11 }])
  // Another origin, far behind in its numbers, has new ones, though a leap to its number was taken for missed segments.
  const leapt = findNewSegments(numbered(5011, 5012), cursor).cursor
  const other = playlist(segment(20, 'other20.ts'), segment(21, 'other21.ts'))
  expect(findNewSegments(other, leapt).fresh).toHaveLength(2)
  // An encoder that begins anew counts through the same numbers.
  expect(findNewSegments(numbered(0, 2), after).fresh).toHaveLength(3)
})

test('new names that nothing else explains are left to the content', () => {
  const one = (name: string) => playlist(segment(null, name))
  const { cursor } = findNewSegments(one('a'), null)
  expect(findNewSegments(one('b'), cursor)).toMatchObject({ isUnsure: true, fresh: [{}] })
  expect(findNewSegments(one('a'), cursor).fresh).toEqual([])
})
