import { createCipheriv } from 'node:crypto'

import { describe, expect, onTestFinished, test } from 'vitest'

import { createFetcher } from '../../platform/http.ts'
import { startLocalServer } from '../../../shared/testing/local-server.ts'
import type { SegmentFetch, StreamSegment } from '../stream.ts'
import { createSegmentFetcher } from './fetch-segment.ts'
import { parsePlaylist } from './parse-playlist.ts'

const signal = new AbortController().signal

/** Creates a fetcher of segments; `nowMs`: its clock. */
function createFetch(nowMs = () => 0) {
  const proxies = { http: null, https: null, bypass: null }
  const fetcher = createFetcher({ policy: { allowPrivateNetworks: true }, proxies })
  onTestFinished(() => fetcher[Symbol.asyncDispose]())
  const options = { fetcher, timeouts: { segmentMs: 5000 }, segmentMaxBytes: 1000, nowMs }
  return createSegmentFetcher(options)
}

function segment(url: string, changed: Partial<StreamSegment>): StreamSegment {
  return {
    sequence: 1,
    url,
    durationSec: 2,
    programDateTimeMs: null,
    discontinuity: false,
    byteRange: null,
    map: null,
    encryption: null,
    ...changed,
  }
}

/** A box of MP4 with a body of zeros. */
function makeBox(type: string, bodyBytes: number): Buffer {
  const box = Buffer.alloc(8 + bodyBytes)
  box.writeUInt32BE(box.length)
  box.write(type, 4, 'latin1')
  return box
}

function words(fetched: SegmentFetch): string {
  return fetched.kind === 'failed' ? fetched.failure.message : Buffer.from(fetched.bytes).toString()
}

describe('an encrypted segment', () => {
  const key = Buffer.from('0123456789abcdef')
  const encrypt = (iv: string, clear: string) => {
    const cipher = createCipheriv('aes-128-cbc', key, Buffer.from(iv, 'hex'))
    return Buffer.concat([cipher.update(clear), cipher.final()])
  }

  test('is decrypted with its key, which is fetched once', async () => {
    const ivs = ['0'.repeat(31) + '7', 'f'.repeat(32)]
    const requested: string[] = []
    await using server = await startLocalServer(async ({ url = '' }, response) => {
      requested.push(url)
      response.end(url === '/key' ? key : encrypt(ivs[Number(url.slice(1))] ?? '', `clear ${url}`))
    })
    const { fetchSegment } = createFetch()
    const fetchOne = (index: number) =>
      fetchSegment(
        segment(`${server.origin}/${index}`, {
          encryption: { kind: 'aes-128', keyUrl: `${server.origin}/key`, iv: ivs[index] ?? '', hasOwnIv: true },
        }),
        signal,
      )
    expect(words(await fetchOne(0))).toBe('clear /0')
    expect(words(await fetchOne(1))).toBe('clear /1')
    expect(requested.filter((url) => url === '/key')).toHaveLength(1)
  })

  test('is decrypted with a key inside its playlist, and with an initialization section whose vector is that of number 0', async () => {
    await using server = await startLocalServer(async ({ url }, response) => {
      response.end(encrypt('0'.repeat(31) + (url === '/init' ? '0' : '5'), `clear ${url}`))
    })
    const uri = `data:application/octet-stream;base64,${key.toString('base64')}`
    const lines = ['#EXT-X-MEDIA-SEQUENCE:5', `#EXT-X-KEY:METHOD=AES-128,URI="${uri}"`, '#EXT-X-MAP:URI="init"']
    const text = ['#EXTM3U', ...lines, '#EXTINF:2,', 'media'].join('\n')
    const parsed = parsePlaylist(text, { url: `${server.origin}/live` })
    const first = parsed.kind === 'media' ? parsed.playlist.segments[0] : undefined
    if (first === undefined) throw new Error('there is no segment')
    const fetched = await createFetch().fetchSegment(first, signal)
    expect(words(fetched)).toBe('clear /media')
    expect(fetched.kind === 'ok' && String(Buffer.from(fetched.map ?? []))).toBe('clear /init')
  })

  test('has its initialization section inside its playlist', async () => {
    await using server = await startLocalServer(async (_, response) => void response.end('media'))
    const uri = `data:video/mp4;base64,${Buffer.from('clear init').toString('base64')}`
    const text = ['#EXTM3U', `#EXT-X-MAP:URI="${uri}"`, '#EXTINF:2,', 'media'].join('\n')
    const parsed = parsePlaylist(text, { url: `${server.origin}/live` })
    const first = parsed.kind === 'media' ? parsed.playlist.segments[0] : undefined
    if (first === undefined) throw new Error('there is no segment')
    const fetched = await createFetch().fetchSegment(first, signal)
    expect(fetched.kind === 'ok' && String(Buffer.from(fetched.map ?? []))).toBe('clear init')
  })

  test('in whose place a page comes has no media yet', async () => {
    await using server = await startLocalServer(async ({ url }, response) => {
      response.end(url === '/key' ? key : '<!DOCTYPE html><title>Not here yet</title>')
    })
    const encryption = { kind: 'aes-128', keyUrl: `${server.origin}/key`, iv: '0'.repeat(32), hasOwnIv: true } as const
    const fetched = await createFetch().fetchSegment(segment(`${server.origin}/0`, { encryption }), signal)
    expect(fetched).toMatchObject({ failure: { message: 'segment is a page, not media', isNoMedia: true } })
  })

  test('whose key is missing or has another size fails with that', async () => {
    await using server = await startLocalServer(async ({ url }, response) => {
      if (url === '/none') response.writeHead(404).end()
      else response.end(url === '/short' ? 'k' : 'x'.repeat(32))
    })
    const fetchWith = (path: string) =>
      createFetch().fetchSegment(
        segment(`${server.origin}/0`, {
          encryption: { kind: 'aes-128', keyUrl: server.origin + path, iv: '0'.repeat(32), hasOwnIv: true },
        }),
        signal,
      )
    expect(await fetchWith('/none')).toMatchObject({ failure: { message: 'key: HTTP 404', failing: 'key' } })
    expect(await fetchWith('/short')).toMatchObject({ failure: { failing: 'key' } })
  })
})

describe('an initialization section', () => {
  test('that is written anew under its URL after a discontinuity is fetched anew, also where its first segment is left out', async () => {
    let written = 'one'
    const requested: string[] = []
    await using server = await startLocalServer(async ({ url = '' }, response) => {
      requested.push(url)
      response.end(url === '/init' ? written : 'media')
    })
    const { fetchSegment } = createFetch()
    const mapOf = async (...lines: string[]) => {
      const text = ['#EXTM3U', '#EXT-X-MAP:URI="init"', ...lines, '#EXTINF:2,', 'last'].join('\n')
      const parsed = parsePlaylist(text, { url: `${server.origin}/live` })
      const last = parsed.kind === 'media' ? parsed.playlist.segments.at(-1) : undefined
      const fetched = last === undefined ? null : await fetchSegment(last, signal)
      return fetched?.kind === 'ok' ? String(Buffer.from(fetched.map ?? [])) : fetched?.failure.message
    }
    expect(await mapOf()).toBe('one')
    written = 'two'
    expect(await mapOf()).toBe('one')
    expect(await mapOf('#EXT-X-DISCONTINUITY', '#EXTINF:2,', 'first')).toBe('two')
    expect(await mapOf('#EXT-X-DISCONTINUITY-SEQUENCE:1')).toBe('two')
    expect(requested.filter((url) => url === '/init')).toHaveLength(2)
  })
  test('that is written anew under its URL by an encoder that numbers its segments from the beginning is fetched anew', async () => {
    let written = 'one'
    const requested: string[] = []
    await using server = await startLocalServer(async ({ url = '' }, response) => {
      requested.push(url)
      response.end(url === '/init' ? written : 'media')
    })
    const { fetchSegment } = createFetch()
    const mapOf = async (sequence: number) => {
      const map = { url: `${server.origin}/init`, byteRange: null }
      const fetched = await fetchSegment(segment(`${server.origin}/${sequence}`, { sequence, map }), signal)
      return fetched.kind === 'ok' ? String(Buffer.from(fetched.map ?? [])) : fetched.failure.message
    }
    const maps = [await mapOf(500), await mapOf(501), await mapOf(501)]
    written = 'two'
    for (const sequence of [502, 0, 1, 2]) maps.push(await mapOf(sequence))
    expect(maps).toEqual(['one', 'one', 'one', 'one', 'two', 'two', 'two'])
    expect(requested.filter((url) => url === '/init')).toHaveLength(2)
  })

  test.each([
    ['a page', Buffer.from('<!DOCTYPE html>'), 'init segment is a page, not media'],
    ['cut', makeBox('moov', 40).subarray(0, 30), 'init segment has no whole moov box'],
    ['empty', Buffer.alloc(0), 'init segment is empty'],
  ])('that is %s comes before the section is there: it is fetched anew with the segment', async (_, early, message) => {
    const whole = makeBox('moov', 40)
    let written: Buffer = early
    await using server = await startLocalServer(async ({ url }, response) => {
      response.end(url === '/init' ? written : makeBox('moof', 16))
    })
    const { fetchSegment } = createFetch()
    const map = { url: `${server.origin}/init`, byteRange: null }
    const fetchNext = () => fetchSegment(segment(`${server.origin}/0`, { map }), signal)
    expect(await fetchNext()).toMatchObject({ failure: { message, isNoMedia: true } })
    written = whole
    expect(await fetchNext()).toMatchObject({ kind: 'ok', map: whole })
  })

  test('that is of no use beside a transport stream may be anything', async () => {
    await using server = await startLocalServer(async (_, response) => void response.end('Gmedia'))
    const map = { url: `${server.origin}/init`, byteRange: null }
    expect(await createFetch().fetchSegment(segment(`${server.origin}/0`, { map }), signal)).toMatchObject({
      kind: 'ok',
    })
  })

  test('is renewed where it has become another one, at a bounded rate', async () => {
    const [one, two] = [makeBox('moov', 40), makeBox('moov', 50)]
    let written: Buffer = one
    let nowMs = 0
    const requested: string[] = []
    await using server = await startLocalServer(async ({ url = '' }, response) => {
      requested.push(url)
      response.end(url === '/init' ? written : makeBox('moof', 16))
    })
    const { fetchSegment, renewInit } = createFetch(() => nowMs)
    const needing = segment(`${server.origin}/0`, { map: { url: `${server.origin}/init`, byteRange: null } })
    const renew = () => renewInit(needing, 1000, signal)
    await fetchSegment(needing, signal)
    expect(await renew()).toBe(null)
    written = two
    expect(await renew()).toBe(null)
    expect(requested.filter((url) => url === '/init')).toHaveLength(2)
    nowMs = 1000
    expect(await renew()).toEqual(two)
    written = Buffer.from('<!DOCTYPE html>')
    nowMs = 2000
    expect(await renew()).toBe(null)
    expect(await fetchSegment(needing, signal)).toMatchObject({ kind: 'ok', map: two })
    expect(await renewInit(segment(`${server.origin}/0`, {}), 0, signal)).toBe(null)
  })

  test('is fetched anew at a discontinuity, also where another one left the playlist at the same time', async () => {
    let written = 'one'
    await using server = await startLocalServer(async ({ url }, response) => {
      response.end(url === '/init' ? written : 'media')
    })
    const { fetchSegment } = createFetch()
    const map = { url: `${server.origin}/init`, byteRange: null, discontinuities: 1 }
    const mapOf = async (sequence: number, discontinuity: boolean) => {
      const fetched = await fetchSegment(
        segment(`${server.origin}/${sequence}`, { sequence, map, discontinuity }),
        signal,
      )
      return fetched.kind === 'ok' ? String(Buffer.from(fetched.map ?? [])) : fetched.failure.message
    }
    const maps = [await mapOf(5, false)]
    written = 'two'
    for (const sequence of [6, 7, 8]) maps.push(await mapOf(sequence, sequence === 7))
    expect(maps).toEqual(['one', 'one', 'two', 'two'])
  })

  test('is fetched anew in another period of its MPD', async () => {
    let written = 'one'
    await using server = await startLocalServer(async ({ url }, response) => {
      response.end(url === '/init' ? written : 'media')
    })
    const { fetchSegment } = createFetch()
    const mapOf = async (sequence: number, part: { readonly period?: string }) => {
      const map = { url: `${server.origin}/init`, byteRange: null, ...part }
      const fetched = await fetchSegment(segment(`${server.origin}/${sequence}`, { sequence, map }), signal)
      return fetched.kind === 'ok' ? String(Buffer.from(fetched.map ?? [])) : fetched.failure.message
    }
    const maps = [await mapOf(5, {})]
    written = 'two'
    maps.push(await mapOf(6, {}), await mapOf(7, { period: 'b' }))
    written = 'three'
    maps.push(await mapOf(8, { period: 'b' }), await mapOf(9, { period: 'c' }))
    expect(maps).toEqual(['one', 'one', 'two', 'two', 'three'])
  })
})
