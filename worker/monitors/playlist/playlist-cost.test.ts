/** Playlists whose URL multiplies their text. What they cost and what is kept of them stays in proportion to the text. */

import { afterEach, describe, expect, test, vi } from 'vitest'

import { parsePlaylist } from './parse-playlist.ts'

const HEAD = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n'
const LONG_URL = `http://cdn.test/${'a'.repeat(8000)}/index.m3u8`

function parseMedia(text: string, url = 'http://cdn.test/live/index.m3u8') {
  const parsed = parsePlaylist(HEAD + text, { url })
  if (parsed.kind !== 'media') throw new Error(parsed.kind === 'invalid' ? parsed.reason : parsed.kind)
  return parsed.playlist.segments
}

/** Counts the URLs that are parsed, and the length of those against which they resolve. */
function countParsedUrls() {
  const counted = { urls: 0, baseLength: 0 }
  const Original = globalThis.URL
  vi.stubGlobal(
    'URL',
    class extends Original {
      constructor(reference: string, base?: string) {
        counted.urls++
        counted.baseLength += base?.length ?? 0
        super(reference, base)
      }
    },
  )
  return counted
}

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('a playlist is read with as many URLs as it has segments', () => {
  test('and not one for each line without a tag', () => {
    const counted = countParsedUrls()
    expect(parseMedia(`#EXTINF:2,\nb\n${'a\n'.repeat(10_000)}`)).toHaveLength(1)
    expect(counted.urls).toBeLessThan(10)
  })

  test('and its query is parsed once', () => {
    const counted = countParsedUrls()
    const query = Array.from({ length: 500 }, (_, index) => `a${index}=${index}`).join('&')
    const text = `${'#EXT-X-DEFINE:QUERYPARAM="z"\n'.repeat(1000)}#EXT-X-DEFINE:QUERYPARAM="a7"\n#EXTINF:2,\n{$a7}\n`
    expect(parseMedia(text, `http://cdn.test/index.m3u8?${query}`)[0]?.url).toBe('http://cdn.test/7')
    expect(counted.urls).toBeLessThan(10)
  })

  test.each([
    ['keys', '#EXT-X-KEY:METHOD=AES-128,URI="/k"\n'],
    ['initialization sections', '#EXT-X-MAP:URI="//h"\n'],
  ])('and its URL is not read anew for %s without end', (_, line) => {
    const counted = countParsedUrls()
    parseMedia(`${line.repeat(50_000)}#EXTINF:2,\nhttp://cdn.test/a.ts\n`, LONG_URL)
    expect(counted.baseLength).toBeLessThan(129 * 1024 * 1024)
  })
})

test.each([
  ['keys', '#EXT-X-KEY:METHOD=AES-128,URI="a"\n'],
  ['initialization sections', '#EXT-X-MAP:URI="a"\n'],
])('a short text does not become a long one by its %s', (_, line) => {
  const segments = parseMedia(`${line}#EXTINF:2,\nhttp://cdn.test/a.ts\n`.repeat(5000), LONG_URL)
  const urls = segments.flatMap(({ map, encryption }) => [
    map?.url ?? '',
    encryption?.kind === 'aes-128' ? encryption.keyUrl : '',
  ])
  const length = urls.reduce((sum, url) => sum + (url.startsWith('http://cdn.test/aaaa') ? url.length : 0), 0)
  expect(length).toBeLessThan(17 * 1024 * 1024)
})

test('a day of segments that all have their key and a URL with a token is read whole', () => {
  const token = 'token='.padEnd(200, 'x')
  const line = (index: number) =>
    `#EXT-X-KEY:METHOD=AES-128,URI="k${index}"\n#EXTINF:2,\nsegment-${index}.ts?${token}\n`
  const segments = parseMedia(
    Array.from({ length: 43_200 }, (_, index) => line(index)).join(''),
    `http://cdn.test/${'live/'.repeat(20)}index.m3u8?${'t'.repeat(800)}`,
  )
  expect(segments).toHaveLength(43_200)
  expect(segments.at(-1)?.encryption).toMatchObject({ keyUrl: expect.stringContaining('/k43199') })
})

test('a reference that becomes longer than any URL is none', () => {
  const parsed = parsePlaylist(`${HEAD}#EXTINF:2,\n${'b'.repeat(1000)}\n`, { url: LONG_URL })
  expect(parsed.kind).toBe('invalid')
})
