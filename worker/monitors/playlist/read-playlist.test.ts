import { describe, expect, test } from 'vitest'

import type { StreamPlaylist } from '../stream.ts'
import { rankRenditions } from './master-playlist.ts'
import { type ParsedPlaylist, parsePlaylist } from './parse-playlist.ts'
import type { PlaylistOrigin } from './playlist-draft.ts'

const BASE = 'https://cdn.test/live/index.m3u8?key=1'

function parse(origin: Partial<PlaylistOrigin>, ...lines: string[]): ParsedPlaylist {
  return parsePlaylist(['#EXTM3U', '#EXT-X-TARGETDURATION:4', ...lines, ''].join('\n'), { url: BASE, ...origin })
}

function parseMedia(origin: Partial<PlaylistOrigin>, ...lines: string[]) {
  const parsed = parse(origin, ...lines)
  if (parsed.kind !== 'media') throw new Error(`expected a media playlist, not ${JSON.stringify(parsed)}`)
  return { ...parsed.playlist, unread: Object.fromEntries(parsed.unread) }
}

describe('a line that cannot be read is skipped and counted', () => {
  test.each([
    ['#EXT-X-DATERANGE:ID="splice-1",END-DATE="2026-11-28T10:00:00.000Z",DURATION=30.0,SCTE35-IN=0xFC30', {}],
    ['#EXT-X-DATERANGE:ID=splice 1,START-DATE=yesterday,DURATION=-1,=,,X', {}],
    ['#EXT-X-MEDIA:TYPE=HOLOGRAM,GROUP-ID="x",NAME="x"', {}],
    ['#EXT-X-PROGRAM-DATE-TIME:soon', { 'EXT-X-PROGRAM-DATE-TIME': 1 }],
    ['#EXT-X-PROGRAM-DATE-TIME:+275760-09-13T00:00:00Z', { 'EXT-X-PROGRAM-DATE-TIME': 1 }],
    ['#EXT-X-BYTERANGE:many@0', { 'EXT-X-BYTERANGE': 1 }],
    ['#EXT-X-KEY:URI="k"', { 'EXT-X-KEY': 1 }],
    [`#EXT-X-SESSION-DATA:${'x'.repeat(9000)}`, { 'long line': 1 }],
    ['a line without a tag before it', { URI: 1 }],
  ])('%.60s', (line, unread) => {
    const playlist = parseMedia({}, '#EXT-X-MEDIA-SEQUENCE:7', line, '#EXTINF:4,', 'a.ts')
    expect(playlist.segments).toMatchObject([{ sequence: 7, durationSec: 4, url: 'https://cdn.test/live/a.ts' }])
    expect(playlist.unread).toEqual(unread)
  })

  test.each(['-1', '0', '', 'soon', `1${'0'.repeat(308)}`, '1e9', '1000000000'])(
    'a duration of "%.12s" becomes the usual one',
    (duration) => {
      const playlist = parseMedia({}, '#EXTINF:2,', 'a.ts', `#EXTINF:${duration},`, 'b.ts', '#EXTINF:2,', 'c.ts')
      expect(playlist.segments.map(({ durationSec }) => durationSec).filter((sec) => sec !== 1)).toEqual(
        duration === '1e9' ? [2, 2] : [2, 2, 2],
      )
    },
  )

  test('a segment that cannot be fetched keeps its number', () => {
    const playlist = parseMedia({}, '#EXT-X-MEDIA-SEQUENCE:7', '#EXTINF:4,', 'data:x,y', '#EXTINF:4,', 'b.ts')
    expect(playlist.segments).toMatchObject([
      { sequence: 7, isUnusable: true },
      { sequence: 8, url: 'https://cdn.test/live/b.ts' },
    ])
    expect(playlist.unread).toEqual({ URI: 1 })
  })

  test('a number of a playlist beyond what can be counted is none', () => {
    expect(parseMedia({}, '#EXT-X-MEDIA-SEQUENCE:99999999999999999999', '#EXTINF:4,', 'a.ts')).toMatchObject({
      segments: [{ sequence: null }],
      unread: { 'EXT-X-MEDIA-SEQUENCE': 1 },
    })
  })

  test('unquoted codecs with a comma are read whole', () => {
    const variant = '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=avc1.4d401e,mp4a.40.2,RESOLUTION=160x90'
    expect(parse({}, variant, 'v')).toMatchObject({
      master: { variants: [{ hasPicture: true, hasSound: true, lines: 90 }] },
    })
  })

  test('hostile lines take linear time', () => {
    const lines = [',', '"', '=', '{$', 'a='].map((part) => `#EXT-X-KEY:${part.repeat(8000 / part.length)}`)
    const text = Array.from({ length: 100 }, () => lines.join('\n')).join('\n')
    const beganMs = performance.now()
    parsePlaylist(`#EXTM3U\n${text}\n${'\n'.repeat(4_000_000)}`, { url: BASE })
    expect(performance.now() - beganMs).toBeLessThan(5000)
  })
})

describe('variables of EXT-X-DEFINE', () => {
  const urlsOf = (origin: Partial<PlaylistOrigin>, ...lines: string[]) =>
    parseMedia(origin, ...lines).segments.map(({ url }) => url.replace('https://cdn.test/live/', ''))

  test('are replaced each time that they are used', () => {
    expect(urlsOf({}, '#EXT-X-DEFINE:NAME="a",VALUE="x"', '#EXTINF:4,', '{$a}/{$a}/s0.ts')).toEqual(['x/x/s0.ts'])
  })

  test('are imported from the master playlist, and taken from the query of the URL before or after redirects', () => {
    const variables = new Map([['auth', '?token=abc']])
    expect(urlsOf({ variables }, '#EXT-X-DEFINE:IMPORT="auth"', '#EXTINF:4,', 's0.ts{$auth}')).toEqual([
      's0.ts?token=abc',
    ])
    const requestedUrl = 'https://cdn.test/old?t=1%202'
    const query = ['#EXT-X-DEFINE:QUERYPARAM="t"', '#EXT-X-DEFINE:QUERYPARAM="key"', '#EXTINF:4,', 's{$t}{$key}.ts']
    expect(urlsOf({ requestedUrl }, ...query)).toEqual(['s1%2021.ts'])
  })

  test('of a master playlist are handed on with its renditions', () => {
    const parsed = parse({}, '#EXT-X-DEFINE:NAME="p",VALUE="v1"', '#EXT-X-STREAM-INF:BANDWIDTH=1', '{$p}/index.m3u8')
    const choices = parsed.kind === 'master' ? rankRenditions(parsed.master) : []
    expect(choices.flat()).toEqual([
      { url: 'https://cdn.test/live/v1/index.m3u8', tracks: 'both', variables: new Map([['p', 'v1']]) },
    ])
  })

  test('that are unknown leave the rest of the playlist readable', () => {
    expect(urlsOf({}, '#EXTINF:4,', '{$who}.ts', '#EXTINF:4,', 'b.ts')).toContain('b.ts')
  })
})

describe('a key', () => {
  const keysOf = (...lines: string[]) => parseMedia({}, ...lines).segments.map(({ encryption }) => encryption)

  test('without a vector has that of the segment number, and is replaced by the next', () => {
    const lines = ['#EXT-X-MEDIA-SEQUENCE:258', '#EXT-X-KEY:METHOD=AES-128,URI="k1"', '#EXTINF:4,', 'a.ts']
    expect(keysOf(...lines, '#EXT-X-KEY:METHOD=AES-128,URI="k2",IV=0xA', '#EXTINF:4,', 'b.ts')).toEqual([
      { kind: 'aes-128', keyUrl: 'https://cdn.test/live/k1', iv: `${'0'.repeat(29)}102`, hasOwnIv: false },
      { kind: 'aes-128', keyUrl: 'https://cdn.test/live/k2', iv: `${'0'.repeat(31)}a`, hasOwnIv: true },
    ])
  })

  test('that can be fetched is chosen of several for the same segment', () => {
    const drm = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x",KEYFORMAT="com.apple.streamingkeydelivery"'
    expect(keysOf('#EXT-X-KEY:METHOD=AES-128,URI="k"', drm, '#EXTINF:4,', 'a.ts')).toMatchObject([{ kind: 'aes-128' }])
  })
})

test('an initialization section knows how many discontinuities came before it, also in a delta update', () => {
  const countsOf = (playlist: Pick<StreamPlaylist, 'segments'>) =>
    playlist.segments.map(({ map }) => map?.discontinuities)
  const head = ['#EXT-X-MAP:URI="i"', '#EXT-X-MEDIA-SEQUENCE:5', '#EXT-X-DISCONTINUITY-SEQUENCE:3']
  const restart = ['#EXT-X-DISCONTINUITY', '#EXTINF:4,', 'b', '#EXT-X-DISCONTINUITY', '#EXT-X-MAP:URI="i"']
  const previous = parseMedia({}, ...head, '#EXTINF:4,', 'a', ...restart, '#EXTINF:4,', 'c')
  expect(countsOf(previous)).toEqual([3, 4, 5])
  const rest = ['#EXTINF:4,', 'd', '#EXT-X-DISCONTINUITY', '#EXTINF:4,', 'e']
  const delta = parseMedia({ previous }, ...head.slice(1), '#EXT-X-SKIP:SKIPPED-SEGMENTS=3', ...rest)
  expect(countsOf(delta)).toEqual([3, 4, 5, 5, 6])
})

test('a delta update is completed from the playlist before it', () => {
  const head = ['#EXT-X-MEDIA-SEQUENCE:5', '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24']
  const old = [
    '#EXT-X-MAP:URI="i"',
    '#EXT-X-PROGRAM-DATE-TIME:2030-01-01T00:00:00Z',
    '#EXTINF:4,',
    'a',
    '#EXTINF:4,',
    'b',
  ]
  const previous = parseMedia({}, ...head, ...old)
  expect(previous.control).toEqual({ canBlock: true, skipUntilSec: 24 })
  const delta = [...head, '#EXT-X-SKIP:SKIPPED-SEGMENTS=2', '#EXTINF:4,', 'c']
  expect(parseMedia({ previous }, ...delta).segments).toEqual(
    parseMedia({}, ...head, ...old, '#EXTINF:4,', 'c').segments,
  )
  expect(parse({}, ...delta)).toEqual({ kind: 'incomplete' })
})

test('a byte range without an offset after a delta update continues that of the last skipped segment', () => {
  const head = ['#EXT-X-MEDIA-SEQUENCE:5']
  const ranged = (...lines: string[]) => lines.flatMap((line) => [line, '#EXTINF:4,', 'all.mp4'])
  const previous = parseMedia({}, ...head, ...ranged('#EXT-X-BYTERANGE:100@800', '#EXT-X-BYTERANGE:50'))
  const rest = [...ranged('#EXT-X-BYTERANGE:70', '#EXT-X-BYTERANGE:30'), '#EXT-X-BYTERANGE:9', '#EXTINF:4,', 'new.mp4']
  const delta = parseMedia({ previous }, ...head, '#EXT-X-SKIP:SKIPPED-SEGMENTS=2', ...rest)
  expect(delta.segments.map(({ byteRange }) => byteRange?.offset)).toEqual([800, 900, 950, 1020, 0])
})
