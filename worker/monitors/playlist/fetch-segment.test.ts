import { createCipheriv } from 'node:crypto'

import { describe, expect, onTestFinished, test } from 'vitest'

import { createFetcher } from '../../platform/http.ts'
import { startLocalServer } from '../../../shared/testing/local-server.ts'
import type { SegmentFetch, StreamSegment } from '../stream.ts'
import { createSegmentFetcher } from './fetch-segment.ts'
import { parsePlaylist } from './parse-playlist.ts'

const signal = new AbortController().signal

function createSegmentFetch() {
  const proxies = { http: null, https: null, bypass: null }
  const fetcher = createFetcher({ policy: { allowPrivateNetworks: true }, proxies })
  onTestFinished(() => fetcher[Symbol.asyncDispose]())
  return createSegmentFetcher({ fetcher, timeouts: { segmentMs: 5000 }, segmentMaxBytes: 1000 })
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
    const fetchSegment = createSegmentFetch()
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

  test('whose key is missing or has another size fails with that', async () => {
    await using server = await startLocalServer(async ({ url }, response) => {
      if (url === '/none') response.writeHead(404).end()
      else response.end(url === '/short' ? 'k' : 'x'.repeat(32))
    })
    const fetchWith = (path: string) =>
      createSegmentFetch()(
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
    const fetchSegment = createSegmentFetch()
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
})
