/** MPDs that mean harm, and large ones that do not. Reading takes time and memory in proportion to the text. */

import { describe, expect, test } from 'vitest'

import { listSegments } from './list-segments.ts'
import type { Mpd } from './mpd.ts'
import { rankChoices } from './rank-representations.ts'
import { parseMpd } from './read-mpd.ts'
import { fillTemplate } from './segment-template.ts'

const URL = 'https://cdn.example/live/main.mpd'
const TEMPLATE = '<SegmentTemplate media="$RepresentationID$-$Number$.m4s" duration="2"/>'

function parse(text: string): Mpd {
  const parsed = parseMpd(`<MPD type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z">${text}</MPD>`, URL)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  return parsed.mpd
}

function period(index: number, inside: string): string {
  return `<Period id="${index}" start="PT${index}S"><AdaptationSet contentType="video">${inside}</AdaptationSet></Period>`
}

function times(count: number, make: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => make(index)).join('')
}

function listRepresentations({ periods }: Mpd) {
  return periods.flatMap(({ representations }) => representations)
}

describe('an MPD is read in proportion to its length', () => {
  /** CPU time of this process, in ms; the least of several runs. */
  function measureCpuMs(run: () => void): number {
    const runs = Array.from({ length: 3 }, () => {
      const before = process.cpuUsage()
      run()
      const { user, system } = process.cpuUsage(before)
      return (user + system) / 1000
    })
    return Math.min(...runs)
  }

  test.each(['SegmentTemplate', 'AdaptationSet'])('whatever the attributes of its %s', (name) => {
    const make = (scale: number) => {
      const attributes = times(2500 * scale, (index) => `a${index}="" `)
      const inside = `${TEMPLATE}${times(50 * scale, (index) => `<Representation id="${index}"/>`)}`
      return period(0, inside).replace(`<${name} `, `<${name} ${attributes}`)
    }
    const [small, large] = [make(1), make(4)]
    const smallMs = measureCpuMs(() => parse(small))
    // Four times the text takes sixteen times as long where the time is quadratic.
    expect(measureCpuMs(() => parse(large))).toBeLessThan(Math.max(150, 9 * smallMs))
  })

  test('a template is filled no further than to the longest reference', () => {
    let reads = 0
    const values = { representationId: 'v', number: 1, time: null }
    const filled = fillTemplate('$Bandwidth$'.repeat(700), {
      ...values,
      get bandwidth() {
        reads++
        return '1'.repeat(200)
      },
    })
    expect(filled).toBeNull()
    expect(reads).toBeLessThan(50)
  })

  test('a template that is longer than any reference is none', () => {
    const long = period(
      0,
      `<SegmentTemplate media="${'x'.repeat(9000)}$Number$" duration="2"/><Representation id="v"/>`,
    )
    expect(listRepresentations(parse(long))).toEqual([])
  })
})

describe('what is kept of an MPD is bounded', () => {
  test('the newest periods have their representations where there are too many', () => {
    const mpd = parse(
      times(40, (at) => period(at, TEMPLATE + times(200, (index) => `<Representation id="${index}"/>`))),
    )
    expect(mpd.periods).toHaveLength(40)
    expect(listRepresentations(mpd)).toHaveLength(5000)
    expect(mpd.periods.at(-1)?.representations).toHaveLength(200)
    expect(mpd.periods[0]?.representations).toEqual([])
  })

  test('a short text does not become a long one by its base URLs', () => {
    const base = `<BaseURL>${'b'.repeat(7000)}/</BaseURL>`
    const inside = (at: number) =>
      TEMPLATE +
      times(200, (index) => `<Representation id="${index}"><BaseURL>${at}-${index}/</BaseURL></Representation>`)
    const mpd = parse(base + times(20, (at) => period(at, inside(at))))
    const urls = listRepresentations(mpd).flatMap(({ sources }) => sources.map(({ baseUrl }) => baseUrl))
    expect([...new Set(urls)].reduce((sum, { length }) => sum + length, 0)).toBeLessThan(17 * 1024 * 1024)
  })
})

test('a hundred representations with long timelines are read whole', () => {
  const timeline = times(2500, (index) => `<S t="${index * 2000}" d="${2000 - (index % 2)}"/>`)
  const inside = times(
    100,
    (index) => `<Representation id="v${index}" bandwidth="${index}" height="${index}">
      <SegmentTemplate timescale="1000" media="$RepresentationID$-$Time$.m4s"><SegmentTimeline>${timeline}</SegmentTimeline></SegmentTemplate></Representation>`,
  )
  const mpd = parse(period(0, inside))
  expect(listRepresentations(mpd)).toHaveLength(100)
  expect(rankChoices(mpd, URL, 5000)).toHaveLength(16)
  const listed = listSegments(mpd, { id: 'v99', tracks: 'picture' }, 5000, () => null)
  expect(listed.at(-1)?.url).toBe('https://cdn.example/live/v99-4998000.m4s')
})

test('the periods of a day with advertisements have all of their representations', () => {
  const sizes = times(10, (index) => `<Representation id="${index}" height="${90 * (index + 1)}"/>`)
  const mpd = parse(times(480, (at) => period(180 * at, TEMPLATE + sizes)))
  expect(listRepresentations(mpd)).toHaveLength(4800)
})
