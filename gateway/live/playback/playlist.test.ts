import { Parser } from 'm3u8-parser'
import { describe, expect, test } from 'vitest'

import type { PartEvent } from '../../../shared/contract/live.ts'
import { partSecOf } from '../../../shared/contract/live-part-length.ts'
import type { SegmentRow } from '../store/segments.ts'
import { buildPart } from '../testing/build-part.ts'
import { buildRun as run, buildRung as rung, buildSegment as segment, STREAM, WINDOW } from '../testing/build-window.ts'
import { chooseRung } from '../rules/choose-rung.ts'
import { findTail } from './playlist-tail.ts'
import { formatMaster, formatMedia } from './playlist.ts'

function parse(text: string) {
  const parser = new Parser()
  parser.push(text)
  parser.end()
  return parser.manifest
}

describe('the multivariant playlist', () => {
  test('lists each rendition once, the highest first, with the query of the viewer', () => {
    const runs = [run(1, 1, 0, [720, 360]), run(1, 2, 1, [360])]
    const text = formatMaster({ segments: WINDOW.segments, runs }, '?viewer=v')
    expect(parse(text)).toMatchObject({ playlists: [{ uri: '720.m3u8?viewer=v' }, { uri: '360.m3u8?viewer=v' }] })
    expect(text).toContain('BANDWIDTH=1440000,RESOLUTION=1280x720,CODECS="avc1.64001f,mp4a.40.2",FRAME-RATE=30.000')
  })
})

test('a rendition declares the highest rate of its segments, where that is more than was expected', () => {
  const runs = [run(1, 1, 0, [720, 360]), run(1, 2, 1, [360])]
  const sizes: readonly [number, number, number[]][] = [
    [1, 2, [3_750_000, 100]],
    [1, 2, [100, 100]],
    // Too short to be a measure.
    [1, 0.5, [3_750_000, 3_750_000]],
    [2, 2, [500_000]],
  ]
  const segments = sizes.map(([number, durationSec, bytes], i) => ({ ...segment(i, 1, number), durationSec, bytes }))
  const rates = (windowed: readonly SegmentRow[]) =>
    [...formatMaster({ segments: windowed, runs }, '').matchAll(/BANDWIDTH=(\d+)/g)].map(([, rate]) => Number(rate))
  expect(rates(segments)).toEqual([15_000_000, 2_000_000])
  expect(rates(segments.slice(1, 2))).toEqual([1_440_000, 720_000])
})

describe('a rendition', () => {
  test('shows itself, the next lower one where it is left out, or the lowest', () => {
    expect(chooseRung(['360', '720'], '720')).toBe('720')
    expect(chooseRung(['360', '480'], '720')).toBe('480')
    expect(chooseRung(['360', '480'], '240')).toBe('360')
  })

  test('whose rung is left out goes on with the next one, after a discontinuity', () => {
    const window = {
      ...WINDOW,
      segments: [segment(0), segment(1), segment(2, 1, 2)],
      runs: [run(1, 1, 0, [720, 360]), run(1, 2, 1, [360])],
    }
    const lines = formatMedia(window, '720', false).split('\n')
    expect(lines.filter((line) => line.endsWith('.m4s'))).toEqual(['1/720/0.m4s', '1/720/1.m4s', '1/360/2.m4s'])
    expect(lines.filter((line) => /MAP|DISCONTINUITY$/.test(line))).toEqual([
      '#EXT-X-MAP:URI="1/720/init-1.mp4"',
      '#EXT-X-DISCONTINUITY',
      '#EXT-X-MAP:URI="1/360/init-2.mp4"',
    ])
  })
})

describe('a live playlist', () => {
  test('without parts has no low-latency tags, and no end', () => {
    const text = formatMedia(WINDOW, '360', false)
    expect(text).not.toMatch(/SERVER-CONTROL|PART|ENDLIST|PLAYLIST-TYPE/)
    expect(parse(text)).toMatchObject({ mediaSequence: 0, targetDuration: 2, discontinuitySequence: 0 })
  })

  test('counts the discontinuities before its first segment', () => {
    const window = { ...WINDOW, segments: [segment(7, 2, 1, 0)], runs: [run(1, 1, 0, [360]), run(2, 1, 3, [360])] }
    expect(parse(formatMedia(window, '360', false))).toMatchObject({ mediaSequence: 7, discontinuitySequence: 3 })
  })

  test('lists the parts of its last segments and of the next one, and hints at the part after these', () => {
    const whole = [0, 1].map((number) => buildPart(3, number, { duration_sec: 1 }))
    const parts = [buildPart(2, 0), ...whole, buildPart(4, 0), buildPart(4, 1), buildPart(4, 0, { rung: '720' })]
    const lines = formatMedia({ ...WINDOW, parts }, '360', false).split('\n')
    const listed = lines.filter((line) => /PART:|HINT|EXTINF/.test(line)).slice(-7)
    expect(listed).toEqual([
      // A segment of which a part is gone is listed without parts.
      '#EXTINF:2.00000,',
      '#EXT-X-PART:DURATION=1.00000,URI="1/360/3.0.m4s",INDEPENDENT=YES',
      '#EXT-X-PART:DURATION=1.00000,URI="1/360/3.1.m4s"',
      '#EXTINF:2.00000,',
      '#EXT-X-PART:DURATION=0.33333,URI="1/360/4.0.m4s",INDEPENDENT=YES',
      '#EXT-X-PART:DURATION=0.33333,URI="1/360/4.1.m4s"',
      '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1/360/4.2.m4s"',
    ])
  })

  test('says of the other renditions what is the newest there, and of none once it has ended', () => {
    const whole = [0, 1].map((number) => buildPart(3, number, { duration_sec: 1, rung: '720' }))
    const reportOf = (parts: readonly PartEvent[] | null, more: object = {}) =>
      formatMedia({ ...WINDOW, parts, ...more }, '360', false).match(/^#EXT-X-RENDITION-REPORT.*$/gm)
    const newer = [buildPart(4, 0, { rung: '720' }), buildPart(4, 1, { rung: '720' })]
    expect(reportOf([...whole, ...newer])).toEqual(['#EXT-X-RENDITION-REPORT:URI="720.m3u8",LAST-MSN=4,LAST-PART=1'])
    expect(reportOf([...whole, ...newer.slice(0, 1)])).toEqual([expect.stringMatching(/LAST-MSN=3,LAST-PART=1$/)])
    expect(reportOf([])).toEqual([expect.stringMatching(/,LAST-MSN=3$/)])
    expect([reportOf(null), reportOf(newer, { hasEnded: true })]).toEqual([null, null])
  })

  // hls.js 1.7 takes the last segment for the next one too, where no line follows it.
  test('with parts does not end with a segment', () => {
    const whole = [buildPart(3, 0, { duration_sec: 2 })]
    const text = formatMedia({ ...WINDOW, parts: whole }, '360', false)
    expect(text).toMatch(/1\/360\/3\.m4s\n# .*\n/)
  })

  test.each([4, 5, 7, 8, 10, 24, 25, 29.97, 30, 50, 60])(
    'has parts as long as their target, at %d frames a second',
    (rate) => {
      const runs = [{ ...run(1, 1, 0, [360]), rungs: [{ ...rung(360), frame_rate: rate }] }]
      const parts = [buildPart(4, 0, { duration_sec: partSecOf(rate) })]
      const target = Number(/PART-TARGET=([\d.]+)/.exec(formatMedia({ ...WINDOW, runs, parts }, '360', false))?.[1])
      expect(target).toBeGreaterThanOrEqual(partSecOf(rate))
      expect(partSecOf(rate)).toBeGreaterThan(0.99 * target)
    },
  )

  test('has no part of a later session before its first segment, with which its initialization segment is stored', () => {
    const later = { epoch: 2, program_date_time: '2026-01-01T00:01:00.000Z' }
    const text = formatMedia(
      { ...WINDOW, parts: [buildPart(0, 0, later), buildPart(0, 0, { ...later, rung: '720' })] },
      '360',
      false,
    )
    expect(text).not.toContain('2/360/')
  })

  test.each<[number[], number]>([
    [[2, 2, 2], 2],
    [[2, 2.6, 2], 3],
    [[2, 10, 2], 10],
  ])('with segments of %j s can be skipped up to six target durations before its end', (durations, target) => {
    const segments = durations.map((durationSec, seq) => ({ ...segment(seq), durationSec }))
    const text = formatMedia({ ...WINDOW, segments, parts: [] }, '360', false)
    expect(text).toContain(`#EXT-X-TARGETDURATION:${target}\n`)
    expect(text).toContain(`,HOLD-BACK=${3 * target}.0,CAN-SKIP-UNTIL=${6 * target}.0\n`)
  })

  test('leaves out what is older than six target durations where a delta is requested', () => {
    const segments = Array.from({ length: 20 }, (_, seq) => segment(seq))
    const window = { ...WINDOW, segments, parts: [buildPart(20, 0)] }
    const text = formatMedia(window, '360', true)
    expect(text).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=13\n')
    expect(text.match(/EXTINF/g)).toHaveLength(7)
    const long = { ...window, segments: segments.with(15, { ...segment(15), durationSec: 4 }) }
    expect(formatMedia(long, '360', true)).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=8\n')
    expect(formatMedia({ ...window, parts: null }, '360', true)).not.toContain('SKIP')
  })
})

describe('the open segment, whose worker is replaced', () => {
  const NEXT = { epoch: 2, program_date_time: new Date(Date.UTC(2026, 0, 1) + 4 * 2000).toISOString() }
  const old = [buildPart(4, 0), buildPart(4, 1), buildPart(4, 2)]
  const made = (count: number) =>
    Array.from({ length: count }, (_, i) => [buildPart(0, i, NEXT), buildPart(0, i, { ...NEXT, rung: '720' })]).flat()
  const tailOf = (parts: readonly PartEvent[]) =>
    formatMedia({ ...WINDOW, parts }, '360', false)
      .split('\n')
      .slice(-8)
      .filter((line) => /MAP|DISCONTINUITY|PART:/.test(line))
      .map((line) => /[^,"]*m4s|#.*DISCONTINUITY|init/.exec(line)?.[0])

  test('keeps its parts until the new worker has made as many, and goes on with those without a discontinuity', () => {
    expect(tailOf(old)).toEqual(['1/360/4.0.m4s', '1/360/4.1.m4s', '1/360/4.2.m4s'])
    expect(tailOf([...old, ...made(2)])).toEqual(['1/360/4.0.m4s', '1/360/4.1.m4s', '1/360/4.2.m4s'])
    expect(tailOf([...old, ...made(3)])).toEqual(['init', '2/360/0.0.m4s', '2/360/0.1.m4s', '2/360/0.2.m4s'])
  })

  test.each([0, -19, -21, -60, -180, 25])('goes on at the time of its session where the day is %i ms off', (ms) => {
    const at = { program_date_time: new Date(Date.parse(NEXT.program_date_time) + ms).toISOString() }
    const begin = { ...at, session: STREAM, start_ms: 8001, encoded: rung(360) }
    const parts = [...old, ...made(3).map((part) => ({ ...part, ...begin, encoded: rung(Number(part.rung)) }))]
    const window = { ...WINDOW, end: { session: STREAM, atMs: 8000 }, parts }
    const shown = findTail(window, '360')
    expect([shown.isNewRun, shown.parts.map(({ epoch }) => epoch)]).toEqual([true, [2, 2, 2]])
    // Another session, or a gap, has a clock of its own.
    expect(findTail({ ...window, end: { session: 'another', atMs: 8000 } }, '360').isNewRun).toBe(false)
    expect(findTail({ ...window, end: { session: STREAM, atMs: 7900 } }, '360').isNewRun).toBe(false)
  })

  test.each([
    ['sound is added', { codecs: 'avc1.64001f,mp4a.40.2' }, false],
    ['the size changes', { codecs: 'avc1.64001f', width: 480 }, false],
    ['only the profile changes', { codecs: 'avc1.4d401f' }, true],
  ])('goes on at once with a further run, unless its tracks are others: %s', (_name, change, isShown) => {
    const silent = (height: number) => ({ ...rung(height), codecs: 'avc1.64001f' })
    const parts = made(1).map((part) => ({ ...part, encoded: { ...silent(Number(part.rung)), ...change } }))
    const runs = [{ ...run(1, 1, 0, []), rungs: [silent(720), silent(360)] }]
    expect(findTail({ ...WINDOW, runs, parts }, '360').isNewRun).toBe(isShown)
  })

  test('has no part of another ladder: its segment will begin after a discontinuity', () => {
    expect(tailOf(made(3).filter(({ rung: name }) => name === '360'))).toEqual([])
  })

  test('has no discontinuity once it is complete', () => {
    const segments = [...WINDOW.segments, segment(4, 2, 1, 0)]
    const runs = [run(1, 1, 0, [720, 360]), run(2, 1, 0, [720, 360])]
    const lines = formatMedia({ ...WINDOW, segments, runs, parts: [...old, ...made(6)] }, '360', false).split('\n')
    expect(lines.filter((line) => /MAP|DISCONTINUITY$/.test(line))).toEqual([
      '#EXT-X-MAP:URI="1/360/init-1.mp4"',
      '#EXT-X-MAP:URI="2/360/init-1.mp4"',
    ])
    expect(lines.filter((line) => line.includes('2/360/0.')).length).toBe(7)
  })
})

test('a recording is complete and ends', () => {
  const ended = { ...WINDOW, hasEnded: true, parts: [buildPart(4, 0)] }
  const text = formatMedia({ ...ended, isRecording: true }, '360', true)
  expect(parse(text)).toMatchObject({ endList: true, playlistType: 'VOD' })
  expect(text).not.toMatch(/PART|SKIP|CONTROL/)
  // A playlist that was live only gets its end.
  expect(formatMedia(ended, '360', true)).toBe(text.replace('#EXT-X-PLAYLIST-TYPE:VOD\n', ''))
})
