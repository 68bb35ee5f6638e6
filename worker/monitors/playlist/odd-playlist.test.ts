/** Playlists of which one tag or the encoding is odd. The rest of them stays usable. */

import { describe, expect, test } from 'vitest'

import type { Fetcher } from '../../platform/http.ts'
import { fetchPlaylist } from './fetch-playlist.ts'
import { rankRenditions } from './master-playlist.ts'
import { parsePlaylist } from './parse-playlist.ts'

const BASE = 'http://cdn.test/live/index.m3u8'

function parse(...lines: readonly string[]) {
  return parsePlaylist(['#EXTM3U', ...lines, ''].join('\n'), { url: BASE })
}

function segmentsOf(...lines: readonly string[]) {
  const parsed = parse('#EXT-X-TARGETDURATION:2', ...lines)
  if (parsed.kind !== 'media') throw new Error(JSON.stringify(parsed))
  return { segments: parsed.playlist.segments, unread: Object.fromEntries(parsed.unread) }
}

describe('an initialization section that cannot be fetched', () => {
  test.each([
    ['with a range that cannot be read', 'URI="i.mp4",BYTERANGE="x"'],
    ['without a URI', 'BYTERANGE="5@0"'],
    ['of another scheme', 'URI="file:///etc/passwd"'],
    ['of an unknown variable', 'URI="{$i}"'],
  ])('%s leaves the segments without one', (_, attributes) => {
    expect(segmentsOf(`#EXT-X-MAP:${attributes}`, '#EXTINF:2,', 'a.ts')).toMatchObject({
      segments: [{ url: 'http://cdn.test/live/a.ts', map: null }],
      unread: { 'EXT-X-MAP': 1 },
    })
  })

  test('replaces the one before it', () => {
    const lines = ['#EXT-X-MAP:URI="i.mp4"', '#EXTINF:2,', 'a.mp4', '#EXT-X-MAP:URI=""', '#EXTINF:2,', 'b.ts']
    expect(segmentsOf(...lines).segments.map(({ map }) => map?.url)).toEqual(['http://cdn.test/live/i.mp4', undefined])
  })
})

describe('an unknown variable', () => {
  test('in an attribute that nothing needs leaves the variant', () => {
    const parsed = parse('#EXT-X-STREAM-INF:BANDWIDTH=1,NAME="{$x}",RESOLUTION=16x9', 'v.m3u8')
    expect(parsed).toMatchObject({ kind: 'master', master: { variants: [{ bandwidth: 1, lines: 9 }] } })
  })

  test('in the URI of a sound does not make the variant hold it', () => {
    const media = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="e",URI='
    const variant = ['#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a",CODECS="avc1.1,mp4a.1"', 'v.m3u8']
    const parsed = parse(`${media}"{$x}"`, `${media}"a.m3u8"`, ...variant)
    const choices = parsed.kind === 'master' ? rankRenditions(parsed.master) : []
    expect(choices.map((choice) => choice.map(({ url }) => url.slice(21)))).toEqual([['v.m3u8', 'a.m3u8']])
  })

  test('in a key leaves the segments encrypted, by a key that cannot be fetched', () => {
    const { segments } = segmentsOf('#EXT-X-KEY:METHOD=AES-128,URI="{$k}"', '#EXTINF:2,', 'a.ts')
    expect(segments).toMatchObject([{ encryption: { kind: 'aes-128', keyUrl: 'unknown:' } }])
  })
})

describe('a reference that cannot be used keeps its place among the segments', () => {
  test.each([
    ['of another scheme', 'file:///etc/passwd', 'URI'],
    ['with an unknown variable', '{$x}.ts', 'URI'],
    ['that is too long', `${'x'.repeat(9000)}.ts`, 'long line'],
  ])('%s', (_, lines, kind) => {
    const time = '#EXT-X-PROGRAM-DATE-TIME:2030-01-01T00:00:00Z'
    const before = ['#EXT-X-MEDIA-SEQUENCE:7', time, '#EXTINF:2,', 'a.ts', '#EXTINF:3,']
    const { segments, unread } = segmentsOf(...before, lines, '#EXTINF:2,', 'c.ts')
    expect(segments.map(({ sequence, isUnusable }) => [sequence, isUnusable])).toEqual([
      [7, undefined],
      [8, true],
      [9, undefined],
    ])
    expect(segments.map(({ programDateTimeMs }) => programDateTimeMs)).toEqual(
      [0, 2, 5].map((sec) => Date.parse('2030-01-01T00:00:00Z') + sec * 1000),
    )
    expect(unread).toEqual({ [kind]: 1 })
  })
})

test.each([
  ['none', undefined],
  ['None', undefined],
  ['aes-128', 'aes-128'],
])('a method of encryption is read in any case: %s', (method, kind) => {
  const { segments } = segmentsOf(`#EXT-X-KEY:METHOD=${method},URI="k"`, '#EXTINF:2,', 'a.ts')
  expect(segments.map(({ encryption }) => encryption?.kind)).toEqual([kind])
})

describe('a playlist is read', () => {
  const text = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:5\n#EXTINF:2,\na.ts\n#EXTINF:2,\nb.ts\n'

  test.each([
    ['carriage returns', '\r'],
    ['carriage returns and line feeds', '\r\n'],
  ])('with lines that end in %s', (_, end) => {
    expect(parsePlaylist(text.replaceAll('\n', end), { url: BASE })).toEqual(parsePlaylist(text, { url: BASE }))
  })

  test.each([
    ['little endian', (utf16: Buffer) => utf16],
    ['big endian', (utf16: Buffer) => Buffer.from(utf16).swap16()],
  ])('in UTF-16 of %s, by its byte order mark', async (_, order) => {
    const bytes = order(Buffer.from(`\uFEFF${text}`, 'utf16le'))
    const fetcher = {
      get: async () => ({ kind: 'ok', bytes, url: BASE, isTruncated: false, headers: new Headers() }),
    } satisfies Pick<Fetcher, 'get'>
    const options = { fetcher: fetcher as unknown as Fetcher, timeouts: { manifestMs: 1000 } }
    const fetched = await fetchPlaylist(options, { url: BASE }, new AbortController().signal)
    expect(fetched).toMatchObject({ kind: 'media', playlist: { segments: [{ sequence: 5 }, { sequence: 6 }] } })
  })
})
