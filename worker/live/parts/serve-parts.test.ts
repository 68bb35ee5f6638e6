import { afterEach, expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { signCallback } from '../../../shared/net/signing.ts'
import { until } from '../../../shared/testing/until.ts'
import { createClock } from '../../platform/clock.ts'
import { createPartBuffer, type PartBuffer } from './part-buffer.ts'
import { servePartBuffer } from './serve-parts.ts'

const TOKEN = 'token-of-the-worker'
const PROGRAM_DATE_TIME = '2026-11-29T00:00:00.000Z'

const readers: AbortController[] = []
afterEach(() => {
  for (const reader of readers.splice(0)) reader.abort()
})

function addPart(parts: PartBuffer, n: number, part: number): void {
  parts.add({
    bytes: Buffer.from(`part ${n}.${part}`),
    event: {
      epoch: 1,
      run: 1,
      n,
      part,
      rung: '360',
      duration_sec: 0.333,
      is_independent: part === 0,
      program_date_time: PROGRAM_DATE_TIME,
    },
  })
}

const serve = (parts: PartBuffer) =>
  servePartBuffer(parts, {
    host: '127.0.0.1',
    port: 0,
    token: TOKEN,
    gatewayClock: createClock(),
    log: createLog('test', 'error', () => {}),
  })

function request(port: number, path: string, token = TOKEN): Promise<Response> {
  const timestamp = (Date.now() / 1000).toFixed(0)
  const signature = signCallback(token, timestamp, { method: 'GET', path, body: '' })
  const reader = new AbortController()
  readers.push(reader)
  return fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { 'x-timestamp': timestamp, 'x-signature-256': signature },
    signal: reader.signal,
  })
}

/** Reads a feed in the background; returns the parts so far as `n.part`. */
function followFeed(response: Response): () => string[] {
  let text = ''
  const read = async () => {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
  }
  read().catch(() => {})
  const parseLine = (line: string): string => {
    const { n, part } = JSON.parse(line) as { n: number; part: number }
    return `${n}.${part}`
  }
  return () => text.split('\n').slice(0, -1).map(parseLine)
}

test('the feed begins with the kept parts, and goes on with each new one', async () => {
  const parts = createPartBuffer()
  for (const n of [0, 1, 2, 3, 4, 5, 6]) addPart(parts, n, 0)
  await using server = await serve(parts)
  const feed = followFeed(await request(server.port, '/feed'))
  await until(() => feed().length === 6, 'the kept parts have come')
  addPart(parts, 6, 1)
  await until(() => feed().length === 7, 'the new part has come')
  expect(feed()).toEqual(['1.0', '2.0', '3.0', '4.0', '5.0', '6.0', '6.1'])
})

test('a part is served while it is kept', async () => {
  const parts = createPartBuffer()
  for (const n of [0, 1, 2, 3, 4, 5, 6]) addPart(parts, n, 0)
  await using server = await serve(parts)
  const kept = await request(server.port, '/parts/1/360/4.0.m4s')
  expect([kept.status, kept.headers.get('content-type'), await kept.text()]).toEqual([200, 'video/mp4', 'part 4.0'])
  for (const path of ['/parts/1/360/0.0.m4s', '/parts/2/360/4.0.m4s', '/parts/1/360/4.1.m4s', '/parts/', '/'])
    expect((await request(server.port, path)).status).toBe(404)
})

test('requests that are not signed with the token are refused', async () => {
  await using server = await serve(createPartBuffer())
  expect((await request(server.port, '/feed', 'another token')).status).toBe(401)
  expect((await fetch(`http://127.0.0.1:${server.port}/feed`)).status).toBe(401)
})

test('a reader that is far behind is cut', async () => {
  const parts = createPartBuffer()
  await using server = await serve(parts)
  const response = await request(server.port, '/feed')
  for (let n = 0; n < 2000; n++) addPart(parts, n, 0)
  const text = await response.text().catch(() => '')
  expect(text.split('\n').length).toBeLessThan(2000)
})
