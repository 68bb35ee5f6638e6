import { fileURLToPath } from 'node:url'

import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PATIENCE_MS, until } from '../../../shared/testing/until.ts'
import { startWorker, type WorkerProcess } from '../../../shared/testing/worker-process.ts'
import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { readAudioPayload, readVideoPayload } from '../flv/media-payload.ts'
import { makeFlvClip, type FlvClip, type FlvClipOptions } from '../testing/flv-clip.ts'
import { startIngestGateway, type IngestGateway } from '../testing/ingest-gateway.ts'
import { ingestEnv } from '../testing/ingest-worker.ts'
import { openSession } from '../testing/session-reader.ts'

const KEY = 'key-of-an-encoder'
const PYTHON_SCRIPT = fileURLToPath(new URL('../testing/publish-with-librtmp.py', import.meta.url))
const hasLibrtmp = await succeeds('python3', [PYTHON_SCRIPT])
const hasGstreamer = await succeeds('gst-inspect-1.0', ['--exists', 'rtmp2sink'])

let clip: FlvClip
beforeAll(async () => {
  clip = await makeFlvClip({ sec: 4 })
})
afterAll(() => clip[Symbol.asyncDispose]())

async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  const { failed } = await execa(program, args, { reject: false, timeout: PATIENCE_MS })
  return !failed
}

/** Runs an encoder, and returns its exit code and what it printed. */
async function run(program: string, args: readonly string[]) {
  const options = { reject: false, timeout: PATIENCE_MS, stdin: 'ignore', all: true } as const
  const { exitCode, all } = await execa(program, args, options)
  return { exitCode, output: all }
}

/** Runs an encoder until it is admitted: on a busy machine the gateway of the test may answer too late. */
async function runAdmitted(program: string, args: readonly string[]) {
  for (;;) {
    const result = await run(program, args)
    if (!result.output.includes('cannot be reached')) return result
  }
}

/** What an encoder returns that has published to its end; the failure of a test shows what another one printed. */
const PUBLISHED = { exitCode: 0, output: expect.any(String) }

/** Starts the worker program against a gateway. */
async function startIngest(gateway: IngestGateway, env: NodeJS.ProcessEnv = {}) {
  const worker = startWorker(ingestEnv(gateway.origin, env))
  await gateway.waitFor(() => gateway.reports().length > 0)
  const port = gateway.reports()[0]?.ports.rtmp ?? 0
  return { worker, url: `rtmp://127.0.0.1:${port}/live`, [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose]() }
}

function framesOf(tags: readonly FlvTag[], type: number): readonly FlvTag[] {
  const read = type === TAG_TYPE.audio ? readAudioPayload : readVideoPayload
  return tags.filter((tag) => tag.type === type && ['key_frame', 'frame'].includes(read(tag.body).kind))
}

/** Expects the clip's frames, byte for byte, at the clip's times. */
function expectClip(tags: readonly FlvTag[]): void {
  for (const type of [TAG_TYPE.audio, TAG_TYPE.video]) {
    const [got, sent] = [framesOf(tags, type), framesOf(clip.tags, type)]
    expect(got.map(({ body }) => body.toString('base64'))).toEqual(sent.map(({ body }) => body.toString('base64')))
    const shifts = got.map(({ timestampMs }, i) => timestampMs - (sent[i]?.timestampMs ?? 0))
    expect(Math.max(...shifts) - Math.min(...shifts)).toBeLessThanOrEqual(1)
  }
}

/** Publishes the clip with an encoder, and returns what a reader of the session receives. */
async function publishWith(encode: (url: string) => readonly [string, ...string[]]): Promise<readonly FlvTag[]> {
  await using gateway = await startIngestGateway({ keys: [KEY] })
  await using ingest = await startIngest(gateway)
  const [program, ...args] = encode(`${ingest.url}/${KEY}`)
  expect(await runAdmitted(program, args)).toEqual(PUBLISHED)
  const source = gateway.requests().at(-1)?.source
  if (source === undefined) throw new Error('the encoder has not published')
  await using reader = await openSession(source, 0)
  return await reader.readAll()
}

describe.concurrent('encoders', () => {
  test('ffmpeg publishes, and every frame arrives as it was sent', async () => {
    expectClip(await publishWith((url) => ['ffmpeg', '-v', 'error', '-i', clip.path, '-c', 'copy', '-f', 'flv', url]))
  })

  test.skipIf(!hasLibrtmp)('librtmp publishes, and every frame arrives as it was sent', async () => {
    expectClip(await publishWith((url) => ['python3', PYTHON_SCRIPT, url, clip.path]))
  })

  test.skipIf(!hasGstreamer)('GStreamer publishes, and every picture arrives as it was sent', async () => {
    const tags = await publishWith((url) => [
      'gst-launch-1.0',
      ...`filesrc location=${clip.path} ! flvdemux name=d flvmux name=m streamable=true ! rtmp2sink location=${url}`.split(
        ' ',
      ),
      ...'d.video ! queue ! h264parse ! m. d.audio ! queue ! aacparse ! m.'.split(' '),
    ])
    expect(framesOf(tags, TAG_TYPE.video).length).toBe(framesOf(clip.tags, TAG_TYPE.video).length)
  })

  test.each<[string, FlvClipOptions, number]>([
    ['sound only', { sec: 3, video: null }, TAG_TYPE.audio],
    ['a picture only', { sec: 3, audio: null }, TAG_TYPE.video],
  ])('ffmpeg publishes %s', async (_name, options, type) => {
    await using single = await makeFlvClip(options)
    const tags = await publishWith((url) => [
      'ffmpeg',
      '-v',
      'error',
      '-i',
      single.path,
      '-c',
      'copy',
      '-f',
      'flv',
      url,
    ])
    expect(framesOf(tags, type).map(({ body }) => body)).toEqual(framesOf(single.tags, type).map(({ body }) => body))
  })

  test('ffmpeg with a wrong key fails, and with an old codec its session ends', async () => {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    await using ingest = await startIngest(gateway)
    const encode = (codec: readonly string[], key: string) =>
      runAdmitted('ffmpeg', ['-v', 'error', '-re', '-i', clip.path, ...codec, '-f', 'flv', `${ingest.url}/${key}`])
    expect((await encode(['-c', 'copy'], 'wrong')).exitCode).not.toBe(0)
    expect(gateway.sessions()).toEqual([])
    await encode(['-c:v', 'flv', '-an'], KEY)
    await gateway.waitFor(() => gateway.sessions().some(({ ended }) => ended !== null))
    expect(gateway.sessions().findLast(({ ended }) => ended !== null)?.ended).toContain(
      'Sorenson H.263 is not supported',
    )
    expect(await encode(['-c', 'copy'], KEY)).toEqual(PUBLISHED)
  })
})

describe.concurrent('the ingest worker', () => {
  test('SIGTERM ends the sessions, and the worker exits with 0 after it has reported them', async () => {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    await using ingest = await startIngest(gateway)
    const publishing = run('ffmpeg', [
      '-v',
      'error',
      '-re',
      '-stream_loop',
      '-1',
      '-i',
      clip.path,
      '-c',
      'copy',
      '-f',
      'flv',
      `${ingest.url}/${KEY}`,
    ])
    // It ends with its connection, which it may call an error.
    const ended = publishing.catch(() => undefined)
    await gateway.waitFor(() => gateway.sessions().some(({ facts }) => facts.video !== null))
    ingest.worker.kill('SIGTERM')
    expect(await ingest.worker.exited).toEqual({ code: 0, signal: null })
    await ended
    expect(gateway.sessions().at(-1)?.ended).toContain('restarts')
    expect(ingest.worker.lines.join('\n')).not.toContain(KEY)
  })

  test('a port that is taken is named, and the worker does not start', async () => {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    await using ingest = await startIngest(gateway)
    await using second: WorkerProcess = startWorker(
      ingestEnv(gateway.origin, { RTMP_PORT: new URL(ingest.url.replace('rtmp', 'http')).port }),
    )
    expect((await second.exited).code).toBe(2)
    expect(second.lines.join('\n')).toContain('RTMP_PORT cannot be bound')
  })

  test('a worker whose epoch is stale exits, and its encoders are disconnected', async () => {
    await using gateway = await startIngestGateway({ keys: [KEY], staleFrom: 2 })
    await using ingest = await startIngest(gateway)
    expect((await ingest.worker.exited).code).toBe(0)
    await until(() => ingest.worker.lines.some((line) => line.includes('STALE_EPOCH')), 'the refusal is logged')
  })

  test('what is wrong with the environment is named at once', async () => {
    await using worker = startWorker(ingestEnv('http://127.0.0.1:9', { TLS_CERT_FILE: '/cert.pem', INGEST_ID: 'x' }))
    expect((await worker.exited).code).toBe(2)
    expect(worker.lines.join('\n')).toContain('INGEST_ID must be the id of an ingest')
    await using other = startWorker(ingestEnv('http://127.0.0.1:9', { TLS_CERT_FILE: '/cert.pem' }))
    expect((await other.exited).code).toBe(2)
    expect(other.lines.join('\n')).toContain('TLS_CERT_FILE and TLS_KEY_FILE must be set together')
  })
})
