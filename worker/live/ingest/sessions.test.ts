import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { makeCertificate } from '../../../shared/testing/certificate.ts'
import { until } from '../../../shared/testing/until.ts'
import { TAG_TYPE } from '../flv/flv-tag.ts'
import { KEY, connectRaw, framesOf, publish, startBroadcast, startReaderAfter } from '../testing/broadcast.ts'
import { makeFlvClip, type FlvClip } from '../testing/flv-clip.ts'
import { startIngestGateway } from '../testing/ingest-gateway.ts'
import { startIngestWorker } from '../testing/ingest-worker.ts'
import { openPublisher, openRtmpClient } from '../testing/rtmp-client.ts'
import { openSession } from '../testing/session-reader.ts'

const BAD_NAME = 'NetStream.Publish.BadName'
const START = 'NetStream.Publish.Start'

let clip: FlvClip
beforeAll(async () => {
  clip = await makeFlvClip({ sec: 6 })
})
afterAll(() => clip[Symbol.asyncDispose]())

describe.concurrent('sessions', () => {
  test('the facts of an encoder are reported', async () => {
    await using broadcast = await startBroadcast()
    const { client, gateway } = broadcast
    publish(client, clip.tags)
    const measured = () => gateway.sessions().findLast(({ facts }) => facts.video !== null)
    await gateway.waitFor(() => measured() !== undefined)
    expect(measured()?.facts).toMatchObject({
      video: { codec: 'h264', width: 160, height: 90, keyframe_interval_sec: 1 },
      audio: { codec: 'aac', sample_rate: 44_100, channels: 1 },
      dropped_frames: 0,
    })
    expect(measured()?.facts.encoder).toMatch(/^Lavf/)
  })

  test('a session that the gateway ends is disconnected with the reason, and reported as ended once', async () => {
    await using broadcast = await startBroadcast()
    const { client, gateway, source } = broadcast
    gateway.judge({ session: source.session, end_reason: 'The key was renewed.', known_until_ms: null })
    expect((await client.waitForStatus(BAD_NAME)).description).toBe('The key was renewed.')
    const endings = () => gateway.sessions().filter(({ ended }) => ended === 'The key was renewed.')
    await gateway.waitFor(() => endings().length > 0)
    const reports = gateway.reports().length
    await gateway.waitFor(() => gateway.reports().length > reports + 1)
    expect(endings().length).toBe(1)
  })

  test('reports have the next number, and never overlap', async () => {
    await using broadcast = await startBroadcast()
    const { gateway } = broadcast
    await gateway.waitFor(() => gateway.reports().length > 3)
    expect(gateway.reports().map(({ seq }) => seq)).toEqual(gateway.reports().map((_, i) => i + 1))
  })

  test('a codec that cannot be encoded ends the session by its name', async () => {
    await using broadcast = await startBroadcast()
    const { client, gateway } = broadcast
    client.sendTag({ type: TAG_TYPE.video, timestampMs: 0, body: Buffer.from([0x14, 0, 1, 2]) })
    expect((await client.waitForStatus(BAD_NAME)).description).toBe('VP6 is not supported: send H.264, HEVC or AV1')
    await gateway.waitFor(() => gateway.sessions().some(({ ended }) => ended?.startsWith('VP6') ?? false))
  })

  test('HEVC with Opus, as Enhanced RTMP sends them, is passed on as it is', async () => {
    await using broadcast = await startBroadcast()
    const { client, source } = broadcast
    const body = (first: number, text: string) => Buffer.concat([Buffer.from([first]), Buffer.from(text)])
    const tags = [
      { type: 9, timestampMs: 0, body: body(0x90, 'hvc1configuration') },
      { type: 8, timestampMs: 0, body: body(0x90, 'OpusOpusHead\x01\x02') },
      { type: 9, timestampMs: 0, body: body(0x93, 'hvc1key') },
      { type: 8, timestampMs: 0, body: body(0x91, 'Opussound') },
      { type: 9, timestampMs: 40, body: body(0xa3, 'hvc1frame') },
    ]
    publish(client, tags)
    client.command('deleteStream', null, 1)
    await using reader = await openSession(source, 0)
    expect(await reader.readAll()).toEqual(tags)
  })

  test('an encoder that sends nonsense ends its own session only', async () => {
    await using broadcast = await startBroadcast()
    const { client, source, worker, gateway } = broadcast
    await using reader = await startReaderAfter(client, clip.tags.slice(0, 100), source)
    await using hostile = await openRtmpClient(worker.rtmpPort)
    hostile.socket.write(Buffer.alloc(100_000, 0xff))
    await until(hostile.isClosed, 'the connection is closed')
    await using wrongVersion = await connectRaw(worker.rtmpPort, Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await until(wrongVersion.isClosed, 'the connection is closed')
    publish(client, clip.tags.slice(100))
    client.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]))
    expect((await client.waitForStatus(BAD_NAME)).description).toMatch(/^the data cannot be read: /)
    expect(framesOf(await reader.readAll())).toEqual(framesOf(clip.tags))
    await gateway.waitFor(() => gateway.sessions().some(({ ended }) => ended?.startsWith('the data') ?? false))
  })

  test('the connections of one address that publish nothing are bounded; an encoder in between still publishes', async () => {
    await using broadcast = await startBroadcast()
    const { worker, gateway } = broadcast
    const idle = await Promise.all(Array.from({ length: 20 }, () => connectRaw(worker.rtmpPort)))
    await using refused = await connectRaw(worker.rtmpPort)
    await until(refused.isClosed, 'the connection above the bound is closed')
    expect(idle.every(({ isClosed }) => !isClosed())).toBe(true)
    await Promise.all(idle.map((connection) => connection[Symbol.asyncDispose]()))
    const again = async () => {
      await using client = await openRtmpClient(worker.rtmpPort).catch(() => null)
      return client !== null && !client.isClosed()
    }
    await until(again, 'there is room again')
    expect(gateway.sessions().every(({ ended }) => ended === null)).toBe(true)
  })

  test('a worker that stops ends the sessions, lets readers finish, and reports the ends before it exits', async () => {
    await using broadcast = await startBroadcast()
    const { client, source, worker, gateway } = broadcast
    await using reader = await startReaderAfter(client, clip.tags, source)
    await reader.waitForTags((tags) => framesOf(tags).length === framesOf(clip.tags).length)
    worker.lifetime.stop()
    expect(await worker.done).toEqual({ kind: 'finished' })
    expect((await reader.readAll()).length).toBeGreaterThan(0)
    expect((await client.waitForStatus(BAD_NAME)).description).toContain('restarts')
    expect(gateway.sessions().at(-1)?.ended).toContain('restarts')
  })

  test('what an encoder sends until it leaves a worker that stops is kept', async () => {
    await using broadcast = await startBroadcast()
    const { client, source, worker } = broadcast
    await using reader = await startReaderAfter(client, clip.tags.slice(0, 100), source)
    worker.lifetime.stop()
    await client.waitForStatus(BAD_NAME)
    publish(client, clip.tags.slice(100))
    client.socket.end()
    expect(await worker.done).toEqual({ kind: 'finished' })
    expect(framesOf(await reader.readAll())).toEqual(framesOf(clip.tags))
  })

  test('RTMPS is RTMP over TLS', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tallylight-rtmps-'))
    try {
      const { cert, key } = makeCertificate()
      const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')]
      await writeFile(certFile, cert)
      await writeFile(keyFile, key)
      await using gateway = await startIngestGateway({ keys: [KEY] })
      const files = { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }
      await using worker = await startIngestWorker(gateway.origin, { RTMPS_PORT: '0', ...files })
      await using client = await openPublisher(worker.rtmpsPort ?? 0, KEY, { ca: cert })
      await client.waitForStatus(START)
      await gateway.waitFor(() => gateway.sessions().length > 0)
      expect(gateway.requests()[0]?.address).toBe('127.0.0.1')
      expect(gateway.reports()[0]?.ports).toEqual({ rtmp: worker.rtmpPort, rtmps: worker.rtmpsPort })
    } finally {
      await rm(dir, { recursive: true })
    }
  })
})
