import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { RenditionChoice } from '../stream.ts'
import { isMpd } from './decode-mpd.ts'
import { listSegments } from './list-segments.ts'
import { parseDurationSec, parsePositive, parseTime } from './mpd-values.ts'
import { rankChoices } from './rank-representations.ts'
import { parseMpd } from './read-mpd.ts'
import { findRootName, parseXml, readAttributes } from './read-xml.ts'

const URL = 'https://cdn.example/live/main.mpd'
const TEMPLATE = '<SegmentTemplate media="$Number$.m4s" duration="2"/>'

function rank(sets: string): readonly RenditionChoice[] {
  const parsed = parseMpd(`<MPD><Period duration="PT10S">${sets}</Period></MPD>`, URL)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  return rankChoices(parsed.mpd, URL, null)
}

function choicesOf(sets: string) {
  return rank(sets).map((choice) => choice.map(({ tracks, representation }) => `${tracks} ${representation?.id}`))
}

describe('the renditions of an MPD', () => {
  const video = (inside: string, attributes = '') =>
    `<AdaptationSet contentType="video" mimeType="video/mp4" ${attributes}>${TEMPLATE}${inside}</AdaptationSet>`
  const audio = (inside: string, attributes = '') =>
    `<AdaptationSet mimeType="audio/mp4" ${attributes}>${TEMPLATE}${inside}</AdaptationSet>`
  const sizes =
    '<Representation id="hd" height="1080" bandwidth="5"/><Representation id="sd" height="360" bandwidth="9"/>'

  test('are the smallest picture and the main sound, then the others', () => {
    const commentary = audio('<Role value="commentary"/><Representation id="talk" bandwidth="1"/>')
    const main = audio(
      '<Role value="main"/><Representation id="hi" bandwidth="9"/><Representation id="lo" bandwidth="2"/>',
    )
    expect(choicesOf(commentary + video(sizes) + main)).toEqual([
      ['picture sd', 'sound lo'],
      ['picture hd', 'sound lo'],
      ['picture sd', 'sound hi'],
      ['picture hd', 'sound hi'],
    ])
  })

  test('are declared to have the track of their set, and none where it may have both', () => {
    const declared = (sets: string) => rank(sets)[0]?.map((each) => each.declared)
    expect(declared(video(sizes) + audio('<Representation id="a"/>'))).toEqual([['picture'], ['sound']])
    expect(declared(video('<Representation id="v"/>'))).toEqual([['picture']])
    const stream = `<AdaptationSet mimeType="video/mp2t">${TEMPLATE}<Representation id="t"/></AdaptationSet>`
    expect(declared(stream)).toEqual([undefined])
  })

  test('are one for both tracks where there is no other, or it holds both', () => {
    expect(choicesOf(video('<Representation id="v"/>'))).toEqual([['both v']])
    expect(choicesOf(audio('<Representation id="a"/>'))).toEqual([['both a']])
    expect(choicesOf(video('<Representation id="m" codecs="avc1.4d401e,mp4a.40.2"/>'))).toEqual([['both m']])
    const stream = `<AdaptationSet mimeType="video/mp2t">${TEMPLATE}<Representation id="t"/></AdaptationSet>`
    expect(choicesOf(stream)).toEqual([['both t']])
  })

  test('leave out text, images, WebM and sets for fast forward', () => {
    const trick = '<EssentialProperty schemeIdUri="http://dashif.org/guidelines/trickmode" value="1"/>'
    const others = [
      video(`${trick}<Representation id="fast" height="90"/>`),
      `<AdaptationSet contentType="text" mimeType="application/mp4">${TEMPLATE}<Representation id="t"/></AdaptationSet>`,
      `<AdaptationSet contentType="image" mimeType="image/jpeg">${TEMPLATE}<Representation id="i"/></AdaptationSet>`,
      `<AdaptationSet mimeType="video/webm">${TEMPLATE}<Representation id="w" codecs="vp9"/></AdaptationSet>`,
    ].join('')
    expect(choicesOf(others)).toEqual([])
    expect(choicesOf(others + video('<Representation id="v"/>'))).toEqual([['both v']])
  })

  test('are repeated for each BaseURL, and those of a lower level follow the same one above', () => {
    const parsed = parseMpd(
      `<MPD><BaseURL>https://a.example/</BaseURL><BaseURL>https://b.example/x/</BaseURL><BaseURL>ftp://c.example/</BaseURL>
      <Period duration="PT10S"><AdaptationSet mimeType="video/mp4">${TEMPLATE}
      <Representation id="v"><BaseURL>v/</BaseURL></Representation></AdaptationSet>
      <AdaptationSet mimeType="audio/mp4">${TEMPLATE}
      <Representation id="s"><BaseURL>https://s.example/</BaseURL></Representation></AdaptationSet></Period></MPD>`,
      URL,
    )
    if (parsed.kind === 'invalid') throw new Error(parsed.reason)
    const choices = rankChoices(parsed.mpd, URL, null).map((choice) => choice.map((each) => each.representation))
    const [first, second] = [{ id: 'v', tracks: 'picture' } as const, { id: 's', tracks: 'sound' } as const]
    expect(choices).toEqual([
      [first, second],
      [
        { ...first, server: 1 },
        { ...second, server: 1 },
      ],
    ])
    const urls = choices.flatMap((choice) =>
      choice.map((each) => listSegments(parsed.mpd, each ?? first, null, () => null).at(0)?.url),
    )
    expect(urls).toEqual([
      'https://a.example/v/1.m4s',
      'https://s.example/1.m4s',
      'https://b.example/x/v/1.m4s',
      'https://s.example/1.m4s',
    ])
  })

  test('are protected ones only where no picture is clear', () => {
    const widevine =
      '<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc"/><ContentProtection schemeIdUri="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"/>'
    const locked = video(`${widevine}<Representation id="locked" height="90"/>`)
    expect(choicesOf(locked + audio(`${widevine}<Representation id="a"/>`))).toEqual([['picture locked', 'sound a']])
    expect(choicesOf(locked + video('<Representation id="open" height="360"/>'))).toEqual([['both open']])
  })
})

describe('an MPD', () => {
  test('has the time of its server, its next location and its times', () => {
    const parsed = parseMpd(
      `<mpd:MPD xmlns:mpd="urn:mpeg:dash:schema:mpd:2011" type="dynamic" availabilityStartTime="1970-01-01T00:00:00"
      minimumUpdatePeriod="PT1M0.5S" timeShiftBufferDepth="P1DT1H"><mpd:Location>next.mpd</mpd:Location>
      <mpd:UTCTiming schemeIdUri="urn:mpeg:dash:utc:ntp:2014" value="time.example"/>
      <mpd:UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="/time file:///x https://t.example/"/>
      <mpd:UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="2026-01-01T00:00:00Z"/>
      <mpd:Period/></mpd:MPD>`,
      URL,
    )
    expect(parsed).toMatchObject({
      kind: 'ok',
      mpd: {
        availabilityStartMs: 0,
        updateSec: 60.5,
        windowSec: 90_000,
        location: 'https://cdn.example/live/next.mpd',
        timings: [
          { method: 'iso', value: 'https://cdn.example/time' },
          { method: 'iso', value: 'https://t.example/' },
          { method: 'direct', value: '2026-01-01T00:00:00Z' },
        ],
      },
    })
  })

  test.each([
    ['', 'is XML without an element'],
    ['<html><body></body></html>', 'is XML, not a playlist'],
    ['<MPD></MPD>', 'is an MPD without a period'],
    ['<MPD><Period></Period>', 'is XML that is cut short'],
    ['<MPD a="', 'is XML that is cut short'],
    ['<a>'.repeat(100), 'has more than 32 levels'],
    [`<MPD>${'<S/>'.repeat(300_001)}</MPD>`, 'has more than 300000 elements'],
  ])('that cannot be used is invalid: %.40s', (text, reason) => {
    expect(parseMpd(text, URL)).toMatchObject({ kind: 'invalid', reason: expect.stringContaining(reason) })
  })

  test('is known by its root element behind anything, or else by its content type', () => {
    const isOne = (text: string, type = 'text/plain') => isMpd(Buffer.from(text), new Headers({ 'content-type': type }))
    expect(isOne('\uFEFF<?xml version="1.0"?>\n<!-- <html> -->\n<!DOCTYPE MPD [<!ENTITY a "<b>">]><x:MPD >')).toBe(true)
    expect(isOne('', 'application/dash+xml; charset=utf-8')).toBe(true)
    expect(isOne('<html>', 'application/dash+xml')).toBe(false)
    expect(isOne('#EXTM3U')).toBe(false)
  })

  test('of any text and any values never throws', () => {
    const markup = fc.constantFrom(
      '<',
      '>',
      '</',
      '/>',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?',
      '"',
      "'",
      '=',
      '&#x41;',
      '&a;',
    )
    const name = fc.constantFrom('MPD ', 'Period ', 'AdaptationSet ', 'Representation ', 'S ', 't=', 'd=', 'r=', ' id=')
    fc.assert(
      fc.property(fc.array(fc.oneof(markup, name, fc.string({ maxLength: 4 }))), (pieces) => {
        parseMpd(pieces.join(''), URL)
        findRootName(pieces.join(''))
      }),
    )
  })
})

test('XML is read without its entities, and with its references', () => {
  const bomb =
    '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x n="&b;" m=\'1&#60;&#x32;&quot;\' o><y>&amp;<![CDATA[&<]]></y></x>'
  const parsed = parseXml(bomb)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  expect([...readAttributes(parsed.root)]).toEqual([
    ['n', '&b;'],
    ['m', '1<2"'],
  ])
  expect(parsed.root.children[0]?.text).toBe('&&<')
})

test('values beyond their bounds are unreadable', () => {
  expect(['PT1H1M1.5S', 'P1Y', 'PT0S'].map(parseDurationSec)).toEqual([3661.5, 31_536_000, 0])
  // As Python and JavaScript print numbers.
  expect(parseDurationSec('PT100.56666666666666S')).toBe(100.56666666666666)
  expect(parsePositive('0.016666666666666666')).toBe(0.016666666666666666)
  expect([`PT1.${'0'.repeat(64)}S`].map(parseDurationSec)).toEqual([null])
  expect(['P', '-PT1S', 'PT1e308S', 'PT', '5', 'P9999999999Y', undefined].map(parseDurationSec)).toEqual(
    Array.from({ length: 7 }, () => null),
  )
  expect(parseTime('2026-01-01T00:00:00.1234567')).toBe(Date.UTC(2026, 0, 1) + 123)
  expect(['NaN', '2026', '9999-01-01T00:00:00Z', '2026-13-01T00:00:00Z'].map(parseTime)).toEqual([
    null,
    null,
    null,
    null,
  ])
})
