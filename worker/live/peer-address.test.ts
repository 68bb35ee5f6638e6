import { describe, expect, test } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { createClock } from '../platform/clock.ts'
import { composeHttpUrl, peerHostOf } from '../platform/peer-host.ts'
import { createPartBuffer } from './parts/part-buffer.ts'
import { servePartBuffer } from './parts/serve-parts.ts'
import { startIngestGateway } from './testing/ingest-gateway.ts'
import { startIngestWorker } from './testing/ingest-worker.ts'
import { openPublisher } from './testing/rtmp-client.ts'
import { until } from '../../shared/testing/until.ts'

/** Another address of this machine, as that of a Pod. */
const POD_IP = '127.0.0.2'
const KEY = 'a-stream-key'

const canConnect = (url: string) =>
  fetch(url).then(
    () => true,
    () => false,
  )

describe('a worker in a Pod', () => {
  test('serves sessions at the address of its Pod only, and names it to the gateway', async () => {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    await using worker = await startIngestWorker(gateway.origin, { POD_IP })
    await using _client = await openPublisher(worker.rtmpPort, KEY)
    await until(() => gateway.requests().length > 0, 'the encoder is announced')
    const { hostname, port } = new URL(gateway.requests()[0]?.source.url ?? '')
    expect(hostname).toBe(POD_IP)
    expect(await canConnect(`http://${POD_IP}:${port}/`)).toBe(true)
    expect(await canConnect(`http://127.0.0.1:${port}/`)).toBe(false)
  })

  test('serves parts at the address of its Pod only', async () => {
    const log = createLog('worker', 'error', () => {})
    const host = peerHostOf({ POD_IP })
    const options = { host, port: 0, token: 't'.repeat(32), gatewayClock: createClock(), log }
    await using server = await servePartBuffer(createPartBuffer(), options)
    expect((await fetch(`${composeHttpUrl(host, server.port)}/feed`)).status).toBe(401)
    expect(await canConnect(`http://127.0.0.1:${server.port}/feed`)).toBe(false)
  })
})

test('a worker of the gateway’s machine is reached on the loopback address, and IPv6 addresses are put in brackets', () => {
  expect(peerHostOf({ POD_IP: undefined })).toBe('127.0.0.1')
  expect(composeHttpUrl('fd00::7', 8082)).toBe('http://[fd00::7]:8082')
})
