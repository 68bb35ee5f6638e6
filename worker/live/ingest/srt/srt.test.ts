import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'

import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { SrtListener } from '../../../../shared/contract/live.ts'
import { newUuid } from '../../../../shared/ids.ts'
import { hashText } from '../../../../shared/net/hash.ts'
import { PATIENCE_MS, until } from '../../../../shared/testing/until.ts'
import { findUdpPort } from '../../../platform/udp-port.ts'
import { TAG_TYPE } from '../../flv/flv-tag.ts'
import { readVideoPayload } from '../../flv/media-payload.ts'
import { makeFlvClip, type FlvClip } from '../../testing/flv-clip.ts'
import { startIngestGateway, type IngestGateway } from '../../testing/ingest-gateway.ts'
import { startIngestWorker, type TestIngestWorker } from '../../testing/ingest-worker.ts'
import { openSession } from '../../testing/session-reader.ts'
import { composeReceiverScript } from './receiver-arguments.ts'

const KEY = 'key-of-an-encoder'
const PASSPHRASES = ['0123456789abcdef0123456789abcdef', 'fedcba9876543210fedcba9876543210'] as const
const HOST = '127.0.0.1'

let clip: FlvClip
beforeAll(async () => {
  clip = await makeFlvClip({ sec: 3 })
})
afterAll(() => clip[Symbol.asyncDispose]())

/** Publishes the clip, and returns the exit code of ffmpeg. */
async function publish({ port, passphrase }: SrtListener, codec: readonly string[] = ['-c', 'copy']) {
  // On a busy machine, packets come late: with less latency they would be left out.
  const url = `srt://${HOST}:${port}?mode=caller&passphrase=${passphrase}&pbkeylen=16&latency=1500000`
  const args = ['-v', 'error', '-re', '-i', clip.path, ...codec, '-f', 'mpegts', url]
  return (await execa('ffmpeg', args, { reject: false, timeout: PATIENCE_MS, stdin: 'ignore' })).exitCode
}

async function listenerOf(gateway: IngestGateway, passphrase: string = PASSPHRASES[0]): Promise<SrtListener> {
  const streamId = gateway.streamIds.get(KEY) ?? newUuid()
  return { stream_id: streamId, port: await findUdpPort(0, HOST), passphrase, key_hash: hashText(KEY) }
}

/** Resolves once a UDP port is taken, or free. */
async function waitForPort(port: number, isTaken: boolean): Promise<void> {
  await until(
    async () => {
      const socket = createSocket('udp4')
      socket.bind(port, HOST)
      const bound = await once(socket, 'listening').then(
        () => true,
        () => false,
      )
      socket.close()
      return bound !== isTaken
    },
    `port ${port} is ${isTaken ? 'taken' : 'free'}`,
  )
}

/** Returns the command lines of all processes, as every user of the machine sees them. */
function readCommandLines(): string {
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  return ids.map((id) => readCommandLine(id)).join('\n')
}

function readCommandLine(id: string): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

/** Opens a listener, and resolves once its port is taken. */
async function open(gateway: IngestGateway, listener: SrtListener): Promise<void> {
  gateway.listenForSrt([listener])
  await waitForPort(listener.port, true)
}

const endOf = (gateway: IngestGateway) => gateway.sessions().findLast(({ ended }) => ended !== null)?.ended
const linesOf = (worker: TestIngestWorker) => worker.lines.join('\n')

describe.concurrent('SRT', () => {
  test('an encoder publishes, leaves and comes back; its passphrase stands in no command line and no log', async () => {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    await using worker = await startIngestWorker(gateway.origin)
    // Encoders of other tests show theirs.
    const listener = await listenerOf(gateway, randomBytes(16).toString('hex'))
    await open(gateway, listener)
    expect(readCommandLines()).not.toContain(listener.passphrase)
    expect(await publish(listener)).toBe(0)
    await gateway.waitFor(() => endOf(gateway) !== undefined)
    expect(endOf(gateway)).toBe('the encoder closed the connection')
    expect(gateway.sessions().at(-1)).toMatchObject({ stream_id: listener.stream_id, facts: { encoder: 'SRT' } })
    const [first] = gateway.requests()
    if (first === undefined) throw new Error('nothing was published')
    await using reader = await openSession(first.source, 0)
    const frames = (await reader.readAll()).filter(
      ({ type, body }) => type === TAG_TYPE.video && ['key_frame', 'frame'].includes(readVideoPayload(body).kind),
    )
    // What still waits for its latency when the encoder leaves is lost.
    expect(frames.length).toBeGreaterThan(15)
    const times = frames.map(({ timestampMs }) => timestampMs)
    expect(times.slice(1).every((ms, i) => ms - (times[i] ?? 0) === 40)).toBe(true)

    await waitForPort(listener.port, true)
    expect(await publish(listener)).toBe(0)
    await gateway.waitFor(() => gateway.requests().length === 2)
    expect(linesOf(worker)).not.toContain(listener.passphrase)
  })

  test('a wrong passphrase is refused by SRT, and the gateway is not asked; the encoder of the right one goes on', async () => {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    await using _worker = await startIngestWorker(gateway.origin)
    const listener = await listenerOf(gateway)
    await open(gateway, listener)
    expect(await publish({ ...listener, passphrase: PASSPHRASES[1] })).not.toBe(0)
    expect(gateway.requests()).toEqual([])
    const publishing = publish(listener)
    await gateway.waitFor(() => gateway.requests().length === 1)
    expect(await publish({ ...listener, passphrase: PASSPHRASES[1] })).not.toBe(0)
    expect(await publishing).toBe(0)
    expect(gateway.requests()).toHaveLength(1)
  })

  test('a new passphrase disconnects the encoder and opens the port again; without its broadcast the port is free', async () => {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    await using _worker = await startIngestWorker(gateway.origin)
    const listener = await listenerOf(gateway)
    await open(gateway, listener)
    const publishing = publish(listener)
    await gateway.waitFor(() => gateway.requests().length === 1)
    const renewed = { ...listener, passphrase: PASSPHRASES[1] }
    gateway.listenForSrt([renewed])
    await gateway.waitFor(() => endOf(gateway) !== undefined)
    expect(endOf(gateway)).toBe('the broadcast or its key has changed')
    await publishing
    await until(async () => (await publish(renewed)) === 0, 'the new passphrase is taken')
    gateway.listenForSrt([])
    await waitForPort(listener.port, false)
  })

  test('an encoder that the gateway refuses, and a picture that the broadcast cannot take, end with the reason', async () => {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    await using worker = await startIngestWorker(gateway.origin)
    const listener = await listenerOf(gateway)
    await open(gateway, { ...listener, key_hash: hashText('another key') })
    await publish(listener)
    await until(() => linesOf(worker).includes('publisher refused'), 'the encoder is refused')
    expect(gateway.sessions()).toEqual([])
    gateway.listenForSrt([listener])
    await until(async () => {
      await publish(listener, ['-c:v', 'libx265', '-preset', 'ultrafast', '-an'])
      return linesOf(worker).includes('SRT cannot be received')
    }, 'what is wrong is logged')
    expect(linesOf(worker)).toContain('Video codec hevc not compatible with flv')
  })

  test('a port that another program has is named without the passphrase, and opened once it is free', async () => {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    await using worker = await startIngestWorker(gateway.origin)
    const listener = await listenerOf(gateway)
    const other = createSocket('udp4')
    other.bind(listener.port, HOST)
    await once(other, 'listening')
    gateway.listenForSrt([listener])
    await until(() => linesOf(worker).includes('SRT cannot be received'), 'the port is taken')
    expect(linesOf(worker)).toContain('unable to create/configure SRT socket')
    expect(linesOf(worker)).not.toContain(listener.passphrase)
    other.close()
    await waitForPort(listener.port, true)
  })

  test('SIGTERM ends its session with the reason', async () => {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    await using worker = await startIngestWorker(gateway.origin)
    const listener = await listenerOf(gateway)
    await open(gateway, listener)
    const publishing = publish(listener)
    await gateway.waitFor(() => gateway.sessions().length > 0)
    worker.lifetime.stop()
    expect(await worker.done).toEqual({ kind: 'finished' })
    expect(endOf(gateway)).toContain('restarts')
    await publishing
  })
})

test('the script names an address of IPv6 in brackets', () => {
  const script = composeReceiverScript('::', { stream_id: newUuid(), port: 20_000, passphrase: PASSPHRASES[0] })
  expect(script).toContain("file 'srt://[::]:20000?mode=listener&passphrase=0123")
})
