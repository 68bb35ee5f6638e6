import { expect, test } from 'vitest'

import { newUuid } from '../../../shared/ids.ts'
import { createSessionMedia } from './media/session-media.ts'
import { createPublisherRegistry } from './publisher-registry.ts'
import { serveReader } from './serve-readers.ts'
import { signSessionRequest } from '../testing/session-reader.ts'

const MIB = 1 << 20
const FRAME_MS = 40

/** A registry with one session that has sent a key frame, and a function that sends a frame of 1 MiB. */
function openBroadcast() {
  let nowMs = 0
  const registry = createPublisherRegistry({ nowMs: () => nowMs, onChange: () => {} })
  const media = createSessionMedia(0, { capacityBytes: () => 64 * MIB, journal: null })
  const source = { session: newUuid(), token: 't'.repeat(32) }
  registry.begin({ ...source, streamId: newUuid(), media, lastByteMs: () => nowMs, disconnect: () => {} })
  const receive = (head: readonly number[], bytes: number) => {
    nowMs += 1000
    const body = Buffer.concat([Buffer.from(head), Buffer.alloc(bytes)])
    expect(media.receive({ type: 9, streamId: 1, timestamp: nowMs / FRAME_MS, body }, nowMs)).toBeNull()
  }
  receive([0x17, 0, 0, 0, 0], 30)
  receive([0x17, 1, 0, 0, 0], 10)
  return { registry, media, source, sendFrame: () => receive([0x27, 1, 0, 0, 0], MIB) }
}

async function openReader({ registry, source }: ReturnType<typeof openBroadcast>) {
  const url = `http://127.0.0.1/sessions/${source.session}.flv`
  const { headers } = signSessionRequest({ ...source, url })
  const { signal } = new AbortController()
  const path = new URL(url).pathname
  const reply = await serveReader(
    registry,
    { method: 'GET', path, header: (name) => headers.get(name), readText: async () => '', signal },
    Date.now(),
  )
  if (reply.body === null) throw new Error(`status ${reply.status}`)
  return reply.body
}

test('a reader with more than 64 MiB unread is cut, and the others go on', async () => {
  const broadcast = openBroadcast()
  const [slow, fast] = [await openReader(broadcast), await openReader(broadcast)]
  let isBlocked = false
  const cut = slow(() => {
    if (isBlocked) return new Promise(() => {})
    isBlocked = true
    return Promise.resolve()
  })
  let received = 0
  const finished = fast(async (bytes) => {
    received += bytes.length
  })
  const outcome = cut.catch((error: unknown) => String(error))
  for (let i = 0; i < 70; i++) {
    broadcast.sendFrame()
    await Promise.resolve()
  }
  expect(await outcome).toContain('too slow')
  broadcast.media.end()
  await finished
  expect(received).toBeGreaterThan(70 * MIB)
})

test('a reader of a session that ends without a key frame is answered with 404', async () => {
  const registry = createPublisherRegistry({ nowMs: () => 0, onChange: () => {} })
  const media = createSessionMedia(0, { capacityBytes: () => MIB, journal: null })
  const source = { session: newUuid(), token: 't'.repeat(32) }
  registry.begin({ ...source, streamId: newUuid(), media, lastByteMs: () => 0, disconnect: () => {} })
  const opening = openReader({ registry, media, source, sendFrame: () => {} })
  registry.end(source.session, 'the encoder stopped')
  await expect(opening).rejects.toThrow('status 404')
})
