import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'

import { expect, test } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { startTestGateway } from '../../testing/test-gateway.ts'
import { openIngest } from '../testing/live-gateway.ts'

const SESSIONS = 10_000
const LONGEST = 'x'.repeat(300)

/** A session whose texts are all as long as the contract allows. */
function fullSession() {
  const number = 123_456_789
  return {
    session: randomUUID(),
    stream_id: randomUUID(),
    silent_ms: number,
    ended: LONGEST,
    facts: {
      bit_rate_kbps: 12_345.678,
      video: { codec: LONGEST, width: number, height: number, fps: 59.94, keyframe_interval_sec: 2.002 },
      audio: { codec: LONGEST, sample_rate: number, channels: number },
      dropped_frames: number,
      jitter_ms: 12.345,
      encoder: LONGEST,
    },
  }
}

const PATH = '/internal/v1/ingest/ingest-0/status'

/** Returns the headers of a forged signature. */
function forgedHeaders(): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1000))
  return { 'x-worker-id': 'a', 'x-timestamp': timestamp, 'x-signature-256': `sha256=${'0'.repeat(64)}` }
}

/** Returns the head of a report with a forged signature, whose body is this long. */
function headOf(bytes: number): string {
  const signed = Object.entries(forgedHeaders())
    .map(([name, value]) => `${name}: ${value}`)
    .join('\r\n')
  return `PUT ${PATH} HTTP/1.1\r\nhost: x\r\n${signed}\r\ncontent-length: ${bytes}\r\n\r\n`
}

/** States the length of a report that is never sent; returns the status line of the answer. */
async function statusOfUnsent(url: string, bytes: number): Promise<string | undefined> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.write(headOf(bytes))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return answer.toString().split('\r\n')[0]
}

test('a report of as many sessions as the contract allows is read, and a longer one is refused', async () => {
  await using gateway = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
  const ingest = await openIngest(gateway)
  const { sessions } = await ingest.report('', Array.from({ length: 200 }, fullSession))
  expect(sessions).toHaveLength(200)
  expect(sessions[0]?.end_reason).toBe('the broadcast was deleted')

  // It is refused by its signature, so it was read.
  const body = JSON.stringify({ sessions: Array.from({ length: SESSIONS }, fullSession) })
  const longest = await fetch(gateway.url + PATH, { method: 'PUT', headers: forgedHeaders(), body })
  expect(longest.status).toBe(401)
  expect(await statusOfUnsent(gateway.url, 18_000_001)).toBe('HTTP/1.1 413 Payload Too Large')
  const claim = '/internal/v1/ingest/ingest-0/claim'
  expect((await gateway.callback('ingest-0', 'POST', claim, 'x'.repeat(70_000))).status).toBe(413)
})

test('large bodies of strangers are read a few at a time; small reports go on', async () => {
  await using gateway = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
  const { hostname, port } = new URL(gateway.url)
  const sockets = Array.from({ length: 2 }, () => {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined)
    socket.write(`${headOf(1_000_000)}never more`)
    return socket
  })
  try {
    const large = () => gateway.callback('ingest-0', 'PUT', PATH, 'x'.repeat(70_000))
    await until(async () => (await large()).status === 503, 'a third large body is refused')
    const refused = await large()
    expect([refused.json.error.code, refused.headers.get('retry-after')]).toEqual(['GATEWAY_BUSY', '1'])
    expect((await gateway.callback('ingest-0', 'PUT', PATH, {})).status).toBe(401)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
  await until(
    async () => (await gateway.callback('ingest-0', 'PUT', PATH, 'x'.repeat(70_000))).status === 401,
    'their places are free',
  )
})
