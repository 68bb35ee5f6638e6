import { describe, expect, test } from 'vitest'

import { listSegments } from './list-segments.ts'
import { parseMpd } from './read-mpd.ts'
import { toPlaylist } from './to-playlist.ts'

const CHOICE = { id: 'v', tracks: 'picture' } as const

/** Reads the playlist of an MPD with one SegmentTemplate, at a time in ms since 1970. */
function read(template: string, startMs: number, nowMs: number) {
  const text = `<MPD type="dynamic" availabilityStartTime="${new Date(startMs).toISOString()}"><Period start="PT0S">
    <AdaptationSet contentType="video">${template}<Representation id="v" height="9"/></AdaptationSet></Period></MPD>`
  const parsed = parseMpd(text, 'https://cdn.example/main.mpd')
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  const nowSec = (nowMs - startMs) / 1000
  const listed = listSegments(parsed.mpd, CHOICE, nowSec, () => null)
  return toPlaylist({ mpd: parsed.mpd, listed, numbers: listed.map((_, index) => index), startMs, nowSec })
}

const NOW_MS = Date.UTC(2026, 9, 1)

describe('the times of segments', () => {
  test.each([
    [10_000_000n, 0],
    [1_000_000_000n, Date.UTC(2024, 0)],
    [1_000_000_000n, 0],
  ])('of one duration are exact in a timescale of %i from %i on', (timescale, startMs) => {
    const duration = 2n * timescale
    const template = `<SegmentTemplate timescale="${timescale}" duration="${duration}" startNumber="0" media="$Number$-$Time$.m4s"/>`
    const newest = read(template, startMs, NOW_MS).segments.at(-1)
    const number = BigInt((NOW_MS - startMs) / 2000) - 1n
    expect(newest?.url).toBe(`https://cdn.example/${number}-${number * duration}.m4s`)
    expect(newest?.programDateTimeMs).toBe(NOW_MS - 2000)
  })

  test.each([
    ['times beyond every clock', 'timescale="1"', '18446744073709551000'],
    ['an offset beyond every clock', 'timescale="1" presentationTimeOffset="18446744073709551000"', '0'],
    ['nanoseconds without a timescale', '', '1760000000000000'],
  ])('leave out segments with %s', (_, attributes, time) => {
    const template = `<SegmentTemplate ${attributes} media="$Time$.m4s"><SegmentTimeline><S t="${time}" d="2" r="5"/></SegmentTimeline></SegmentTemplate>`
    expect(read(template, Date.UTC(2024, 0), NOW_MS).segments).toEqual([])
  })

  test('that are no date of a stream are no program date-times', () => {
    // Ticks of 100 ns since the year 1, beside a presentation that begins in 2024.
    const template =
      '<SegmentTemplate timescale="10000000" media="$Time$.m4s"><SegmentTimeline><S t="639000000000000000" d="20000000" r="5"/></SegmentTimeline></SegmentTemplate>'
    const { segments } = read(template, Date.UTC(2024, 0), NOW_MS)
    expect(segments.map(({ programDateTimeMs }) => programDateTimeMs)).toEqual(Array.from({ length: 6 }, () => null))
  })

  test('have the number that a timeline gives them', () => {
    const timeline =
      '<S t="990" n="496" d="2" r="1"/><S t="994" d="2"/><S t="996" n="700" d="2"/><S t="998" n="3" d="2"/>'
    const template = `<SegmentTemplate media="$Number$" startNumber="1"><SegmentTimeline>${timeline}</SegmentTimeline></SegmentTemplate>`
    const { segments } = read(template, 0, 1_000_000)
    expect(segments.map(({ url }) => Number(url.slice(20)))).toEqual([496, 497, 498, 700, 701])
  })

  test('are read where whole numbers are written as decimals', () => {
    const timeline = '<S t="990000.0" d="2000.00" r="3.0"/>'
    const template = `<SegmentTemplate timescale="1000.0" media="$Time$"><SegmentTimeline>${timeline}</SegmentTimeline></SegmentTemplate>`
    expect(read(template, 0, 1_000_000).segments.map(({ url, durationSec }) => [url.slice(20), durationSec])).toEqual([
      ['990000', 2],
      ['992000', 2],
      ['994000', 2],
      ['996000', 2],
    ])
  })
})

test('an MPD is dynamic whatever the case of its type', () => {
  const parsed = parseMpd('<MPD type="Dynamic"><Period start="PT0S"/></MPD>', 'https://cdn.example/main.mpd')
  expect(parsed).toMatchObject({ kind: 'ok', mpd: { isDynamic: true } })
})
