import { describe, expect, test } from 'vitest'

import type { StreamPlaylist } from '../stream.ts'
import { listSegments } from './list-segments.ts'
import { createSegmentNumbering } from './number-segments.ts'
import { rankChoices } from './rank-representations.ts'
import { parseMpd } from './read-mpd.ts'
import { parseSegmentIndex } from './segment-index.ts'
import { fillTemplate } from './segment-template.ts'
import { toPlaylist } from './to-playlist.ts'

const URL = 'https://cdn.example/live/main.mpd?token=1'
const START = '2026-01-01T00:00:00Z'
const START_MS = Date.parse(START)

const PICTURE = 'mimeType="video/mp4" codecs="avc1.42c01e"'

/** Makes a dynamic MPD from its periods. */
function dynamic(periods: string, attributes = 'minimumUpdatePeriod="PT2S"'): string {
  return `<?xml version="1.0"?><!-- packager --><MPD type="dynamic" availabilityStartTime="${START}" ${attributes}>${periods}</MPD>`
}

/** Makes a period of one picture. */
function period(source: string, attributes = 'id="p" start="PT0S"'): string {
  return `<Period ${attributes}><AdaptationSet ${PICTURE}>${source}<Representation id="v1" bandwidth="800000" height="360"/></AdaptationSet></Period>`
}

function mustParse(text: string) {
  const parsed = parseMpd(text, URL)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  return parsed.mpd
}

/** Reads the playlist of the best picture, at a time in seconds after the presentation's start. */
function read(text: string, nowSec: number | null = null, numbering = createSegmentNumbering()): StreamPlaylist {
  const mpd = mustParse(text)
  const representation = rankChoices(mpd, URL, nowSec)[0]?.[0]?.representation
  if (representation === undefined) throw new Error('there is no representation')
  const listed = listSegments(mpd, representation, nowSec, () => null)
  const startMs = mpd.availabilityStartMs
  return toPlaylist({ mpd, listed, numbers: numbering.number(listed, startMs), startMs, nowSec })
}

const summarize = ({ segments }: StreamPlaylist) =>
  segments.map(({ sequence, url, durationSec, programDateTimeMs }) => [
    sequence,
    url.replace('https://cdn.example/live/', ''),
    durationSec,
    programDateTimeMs === null ? null : (programDateTimeMs - START_MS) / 1000,
  ])

describe('a template with numbers and a duration', () => {
  const template = (attributes: string) =>
    period(
      `<SegmentTemplate media="$RepresentationID$/$Number%04d$.m4s" initialization="$RepresentationID$/$Bandwidth$.mp4" ${attributes}/>`,
    )

  test('lists what has ended by the server’s clock, within the time shift buffer', () => {
    const text = dynamic(template('timescale="1000" duration="2000" startNumber="5"'), 'timeShiftBufferDepth="PT4S"')
    expect(summarize(read(text, 20.9))).toEqual([
      [12, 'v1/0012.m4s', 2, 14],
      [13, 'v1/0013.m4s', 2, 16],
      [14, 'v1/0014.m4s', 2, 18],
    ])
    expect(read(text, 20.9).segments[0]?.map).toEqual({
      url: 'https://cdn.example/live/v1/800000.mp4',
      byteRange: null,
      period: 'p',
    })
    expect(summarize(read(text, 22)).at(-1)).toEqual([15, 'v1/0015.m4s', 2, 20])
    expect(read(text, 1.9).segments).toEqual([])
    expect(read(text, -5).segments).toEqual([])
  })

  test('lists a segment earlier by availabilityTimeOffset, unless only its beginning is there', () => {
    const early = dynamic(template('duration="2" availabilityTimeOffset="1.5"'))
    expect(read(early, 20.5).segments.at(-1)?.sequence).toBe(11)
    const chunked = dynamic(template('duration="2" availabilityTimeOffset="1.5" availabilityTimeComplete="false"'))
    expect(read(chunked, 20.5).segments.at(-1)?.sequence).toBe(10)
  })

  test('is bounded whatever its numbers are', () => {
    const listedBy = (attributes: string, nowSec = 1e9) => read(dynamic(template(attributes)), nowSec).segments.length
    expect(listedBy('timescale="1000" duration="1"')).toBeLessThanOrEqual(1000)
    expect(listedBy('duration="2"')).toBeLessThanOrEqual(302)
    const absurd = ['timescale="0" duration="2"', 'duration="0"', 'duration="-2"', 'duration="1e308"', 'duration="NaN"']
    for (const attributes of [...absurd, 'timescale="1000000000" duration="1"', 'duration="2" endNumber="0"']) {
      expect(() => listedBy(attributes)).not.toThrow(RangeError)
    }
    expect(listedBy('duration="2" startNumber="9007199254740991"')).toBe(0)
  })

  test('ends with the presentation: once its duration has passed, a little later where the MPD is still updated', () => {
    const text = (attributes: string) =>
      dynamic(template('duration="2"'), `mediaPresentationDuration="PT5S" ${attributes}`)
    expect(summarize(read(text(''), 60))).toEqual([
      [1, 'v1/0001.m4s', 2, 0],
      [2, 'v1/0002.m4s', 2, 2],
      [3, 'v1/0003.m4s', 1, 4],
    ])
    expect([4.9, 5].map((nowSec) => read(text(''), nowSec).isEnded)).toEqual([false, true])
    const updated = text('minimumUpdatePeriod="PT1S"')
    expect([14, 15].map((nowSec) => read(updated, nowSec).isEnded)).toEqual([false, true])
  })
})

describe('a timeline', () => {
  const timeline = (entries: string, attributes = 'timescale="10"') =>
    period(
      `<SegmentTemplate media="t$Time$.m4s" ${attributes}><SegmentTimeline>${entries}</SegmentTimeline></SegmentTemplate>`,
    )

  test('has exact times beyond what a number holds, and times less the presentation offset', () => {
    const start = 17_000_000_000_000_000n
    const attributes = `timescale="10000000" presentationTimeOffset="${start}"`
    const text = dynamic(timeline(`<S t="${start + 1n}" d="20000001" r="1"/>`, attributes))
    expect(read(text, 100).segments.map(({ url }) => url)).toEqual([
      'https://cdn.example/live/t17000000000000001.m4s',
      'https://cdn.example/live/t17000000020000002.m4s',
    ])
    expect(read(text, 100).segments.at(-1)).toMatchObject({
      programDateTimeMs: START_MS + 2000,
      durationSec: 2.0000001,
    })
  })

  test('repeats up to the next entry, the end of the period or the live edge', () => {
    const openUntil = (text: string, nowSec: number) => read(text, nowSec).segments.map(({ url }) => url.slice(25))
    const next = timeline('<S t="0" d="20" r="-1"/><S t="55" d="20"/>')
    expect(openUntil(dynamic(next), 100)).toEqual(['t0.m4s', 't20.m4s', 't40.m4s', 't55.m4s'])
    expect(openUntil(dynamic(timeline('<S t="0" d="20" r="-1"/>')), 7)).toEqual(['t0.m4s', 't20.m4s', 't40.m4s'])
    const ended = dynamic(timeline('<S t="0" d="20" r="-1"/>'), 'mediaPresentationDuration="PT3S"')
    expect(openUntil(ended, 100)).toEqual(['t0.m4s', 't20.m4s'])
  })

  test('leaves out what lies far ahead of the clock, unless all of it does', () => {
    const text = dynamic(timeline('<S t="0" d="20" r="2000000000"/>'))
    expect(read(text, 100).segments.at(-1)?.programDateTimeMs).toBe(START_MS + 108_000)
    const ahead = dynamic(timeline('<S t="10000" d="20" r="1"/>'))
    expect(read(ahead, 100).segments).toHaveLength(2)
  })

  test('is read without entries that have no credible duration or go back in time', () => {
    const entries =
      '<S t="0" d="20"/><S d="0"/><S d="-5"/><S d="99999999999999"/><S t="5" d="x"/><S t="0" d="20" r="x"/><S/>'
    expect(read(dynamic(timeline(entries)), 100).segments).toHaveLength(2)
    const huge = `<S t="0" d="1" r="${2n ** 64n - 1n}"/>`.repeat(50)
    expect(read(dynamic(timeline(huge, 'timescale="1"')), 1e9).segments.length).toBeLessThanOrEqual(1000)
  })

  test('is counted on while its window moves, past what was missed, and beginning anew with another start', () => {
    const numbering = createSegmentNumbering()
    const at = (time: number, nowSec = 1000) =>
      read(dynamic(timeline(`<S t="${time}" d="20" r="2"/>`)), nowSec, numbering).segments[0]?.sequence
    const first = at(1000) ?? 0
    expect(at(1000)).toBe(first)
    expect(at(1020)).toBe(first + 1)
    expect(at(1200)).toBe(first + 10)
    expect(at(0)).toBe(0)
  })

  test('is listed whole where the presentation has no start that can be read', () => {
    const text = dynamic(timeline('<S t="0" d="20" r="2"/>')).replace(START, 'yesterday')
    expect(read(text)).toMatchObject({ isEnded: false, segments: { length: 3, 0: { programDateTimeMs: null } } })
  })

  test('with a long update period has its segments less often', () => {
    const text = dynamic(timeline('<S t="0" d="20" r="9"/>'), 'minimumUpdatePeriod="PT12S"')
    expect(read(text, 30).targetDurationSec).toBe(12)
  })
})

describe('several periods', () => {
  const template = '<SegmentTemplate media="$RepresentationID$-$Number$.m4s" duration="2"/>'

  test('follow each other with a discontinuity, and their numbers count on', () => {
    const next = `<Period id="ad" start="PT4S"><AdaptationSet ${PICTURE}>${template}<Representation id="ad1"/></AdaptationSet></Period>`
    const playlist = read(dynamic(period(template) + next), 8.5)
    expect(summarize(playlist)).toEqual([
      [1, 'v1-1.m4s', 2, 0],
      [2, 'v1-2.m4s', 2, 2],
      [3, 'ad1-1.m4s', 2, 4],
      [4, 'ad1-2.m4s', 2, 6],
    ])
    expect(playlist.segments.map(({ discontinuity }) => discontinuity)).toEqual([false, false, true, false])
  })

  test('have initialization sections of their own, also at one URL', () => {
    const shared = template.replace('duration="2"', 'duration="2" initialization="init.mp4"')
    const { segments } = read(dynamic(period(shared) + period(shared, 'id="q" start="PT4S"')), 8.5)
    const maps = segments.map(({ map }) => `${map?.url} ${map?.period}`.slice(25))
    expect(maps).toEqual(['init.mp4 p', 'init.mp4 p', 'init.mp4 q', 'init.mp4 q'])
  })

  test('keep their numbers once the first has left the MPD', () => {
    const numbering = createSegmentNumbering()
    const second = period(template, 'id="q" start="PT4S"')
    const before = read(dynamic(period(template) + second), 8.5, numbering)
    const after = read(dynamic(second), 10.5, numbering)
    expect(before.segments.at(-1)?.sequence).toBe(4)
    expect(after.segments.map(({ sequence, discontinuity }) => [sequence, discontinuity])).toEqual([
      [3, true],
      [4, false],
      [5, false],
    ])
  })

  test('have a last segment that is shorter, and is there once its period has ended', () => {
    const long = period(template.replace('duration="2"', 'duration="6"'))
    const text = dynamic(long + period(template, 'id="q" start="PT31S"'))
    const urlsAt = (nowSec: number) => summarize(read(text, nowSec)).map(([, url, durationSec]) => [url, durationSec])
    expect(urlsAt(30.9).at(-1)).toEqual(['v1-5.m4s', 6])
    expect(urlsAt(31).at(-1)).toEqual(['v1-6.m4s', 1])
    expect(urlsAt(33).slice(-2)).toEqual([
      ['v1-6.m4s', 1],
      ['v1-1.m4s', 2],
    ])
  })

  test('begin where the one before ends, and are left out while their start is unknown', () => {
    const text = dynamic(period(template, 'duration="PT4S"') + period(template, '') + period(template, ''))
    expect(mustParse(text).periods.map(({ startSec, endSec }) => [startSec, endSec])).toEqual([
      [0, 4],
      [4, null],
    ])
  })

  test('of any number, and representations of any number, are read in bounded time', () => {
    const many = period(template, 'duration="PT0.5S"').repeat(5000)
    expect(read(dynamic(many), 1e9).segments.length).toBeLessThanOrEqual(1000)
    const list = `<SegmentList duration="2">${'<SegmentURL/>'.repeat(50_000)}</SegmentList>`
    const crowd = `<Period>${list}<AdaptationSet ${PICTURE}>${'<Representation/>'.repeat(50_000)}</AdaptationSet></Period>`
    expect(mustParse(`<MPD>${crowd}</MPD>`).periods[0]?.representations).toHaveLength(200)
  })
})

describe('references', () => {
  test('resolve against the base URLs of every level', () => {
    const text = `<MPD type="static" mediaPresentationDuration="PT4S"><BaseURL>https://a.example/x/</BaseURL>
      <Period><BaseURL>p/</BaseURL><AdaptationSet ${PICTURE}><BaseURL>../s/</BaseURL>
      <Representation id="r"><BaseURL>r/</BaseURL>
      <SegmentTemplate media="a&amp;b$$.m4s?n=$Number$" duration="4"/></Representation></AdaptationSet></Period></MPD>`
    expect(read(text)).toMatchObject({ isEnded: true, segments: [{ url: 'https://a.example/x/s/r/a&b$.m4s?n=1' }] })
  })

  test('with another scheme than http(s) are never listed', () => {
    const text = (base: string, media: string) =>
      dynamic(period(`<BaseURL>${base}</BaseURL><SegmentTemplate media="${media}" duration="2"/>`))
    expect(read(text('', 'file:///etc/passwd#$Number$'), 100).segments).toEqual([])
    expect(read(text('file:///etc/', 'x$Number$'), 5).segments[0]?.url).toBe('https://cdn.example/live/x1')
    expect(read(text('http://[', 'data:,$Number$'), 100).segments).toEqual([])
  })

  test('are filled in by the identifiers of ISO/IEC 23009-1', () => {
    const values = { representationId: 'v', bandwidth: '9', number: 7, time: 70n }
    expect(fillTemplate('$RepresentationID$_$Number%05d$_$Time$_$Bandwidth%3d$$$', values)).toBe('v_00007_70_009$')
    expect(fillTemplate('$Number%99d$ $Other$ $', values)).toBe(`${'7'.padStart(32, '0')} $Other$ $`)
  })
})

describe('a segment list', () => {
  test('has its references and ranges, by a duration that upper levels declare', () => {
    const text = `<MPD mediaPresentationDuration="PT10S"><Period><SegmentList timescale="10" duration="40"/>
      <AdaptationSet ${PICTURE}><Representation id="r"><BaseURL>all.mp4</BaseURL><SegmentList>
      <Initialization range="0-99"/><SegmentURL mediaRange="100-199"/><SegmentURL media="b.m4s"/><SegmentURL media="c.m4s"/>
      </SegmentList></Representation></AdaptationSet></Period></MPD>`
    const map = { url: 'https://cdn.example/live/all.mp4', byteRange: { offset: 0, length: 100 } }
    expect(read(text).segments).toMatchObject([
      { url: map.url, byteRange: { offset: 100, length: 100 }, durationSec: 4, map },
      { url: 'https://cdn.example/live/b.m4s', byteRange: null, durationSec: 4 },
      { url: 'https://cdn.example/live/c.m4s', durationSec: 2 },
    ])
  })
})

test('a segment index leads to the parts of its file', () => {
  const box = Buffer.alloc(44)
  box.writeUInt32BE(44, 0)
  box.write('sidx', 4, 'latin1')
  box.writeUInt32BE(10, 16)
  box.writeUInt32BE(5, 20)
  box.writeUInt32BE(3, 24)
  box.writeUInt16BE(1, 30)
  box.writeUInt32BE(500, 32)
  box.writeUInt32BE(20, 36)
  expect(parseSegmentIndex(box, 1000)).toEqual([{ offset: 1047, length: 500, startSec: 0.5, durationSec: 2 }])
  for (let bytes = 0; bytes < 44; bytes++) expect(parseSegmentIndex(box.subarray(0, bytes), 0)).toBeNull()
  const mpd = mustParse(
    `<MPD><Period><AdaptationSet ${PICTURE}><Representation id="r"><BaseURL>f.mp4</BaseURL>
    <SegmentBase indexRange="1000-1043"/></Representation></AdaptationSet></Period></MPD>`,
  )
  const listed = listSegments(mpd, { id: 'r', tracks: 'picture' }, null, () => parseSegmentIndex(box, 1000))
  expect(listed).toMatchObject([
    { byteRange: { offset: 1047, length: 500 }, startSec: 0.5, map: { byteRange: { offset: 0, length: 1000 } } },
  ])
})
