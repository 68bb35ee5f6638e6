import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { until } from '../../shared/testing/until.ts'
import { startWorker, type WorkerProcess } from '../../shared/testing/worker-process.ts'
import { liveEnv } from '../testing/worker-environments.ts'
import { type CounterClip, makeCounterClip } from './testing/counter-clip.ts'
import { type IngestDouble, startIngestDouble } from './testing/ingest-double.ts'
import { FOLDER, type LiveGateway, startLiveGateway } from './testing/live-gateway.ts'
import { readParts } from './testing/part-reader.ts'
import { killChildren, listChildren } from './testing/child-processes.ts'
import { readStoredFrames } from './testing/stored-frames.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-live-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const stored = (rung: string) => ({ storeDir: join(dir, 'store'), workDir: dir, rung })
const numbersUpTo = (count: number) => Array.from({ length: count }, (_, index) => index)

function startLiveWorker(gateway: LiveGateway, env: NodeJS.ProcessEnv = {}): WorkerProcess {
  return startWorker(liveEnv(gateway.origin, dir, env))
}

/** Resolves once a session is reported as finished. */
async function untilFinished(gateway: LiveGateway, ingest: IngestDouble, worker: WorkerProcess): Promise<void> {
  const isFinished = () => gateway.reports().some((report) => report.finished_session === ingest.source.session)
  const finished = until(isFinished, 'the session is finished').then(() => true)
  const isDone = await Promise.race([finished, worker.exited.then(isFinished)])
  if (!isDone) throw new Error(`the worker has exited:\n${worker.lines.join('\n')}`)
}

async function expectAllFrames(gateway: LiveGateway, clip: CounterClip, rungs: readonly string[]): Promise<void> {
  const total = gateway.segments().reduce((sum, { frames }) => sum + frames, 0)
  expect(total).toBe(clip.frames)
  for (const rung of rungs)
    expect(await readStoredFrames(stored(rung), gateway.segments())).toEqual(numbersUpTo(clip.frames))
}

test('a broadcast is stored without losing a frame, and its worker exits when it is over', async () => {
  const clip = await makeCounterClip({ sec: 9, fps: '30' })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway)
  await untilFinished(gateway, ingest, worker)
  gateway.end()
  expect(await worker.exited).toEqual({ code: 0, signal: null })
  await expectAllFrames(gateway, clip, ['180', '90'])
})

test('a worker that is killed is followed by one that loses and doubles no frame', async () => {
  const clip = await makeCounterClip({ sec: 11, fps: '30', keyFrameSec: 3 })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using first = startLiveWorker(gateway)
  await until(() => gateway.segments().length >= 2, 'two segments are reported')
  first.kill('SIGKILL')
  await first.exited
  await using second = startLiveWorker(gateway)
  await untilFinished(gateway, ingest, second)

  expect(new Set(gateway.segments().map(({ epoch }) => epoch))).toEqual(new Set([1, 2]))
  await expectAllFrames(gateway, clip, ['180', '90'])
})

test('an ffmpeg that is killed is replaced, and no frame is lost or doubled', async () => {
  const clip = await makeCounterClip({ sec: 9, fps: '25' })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway)
  await until(() => gateway.segments().length >= 1, 'a segment is reported')
  await killChildren(worker.pid, 'ffmpeg')
  await untilFinished(gateway, ingest, worker)

  expect(gateway.runs().map(({ run }) => run)).toEqual([1, 2])
  expect(gateway.segments().map(({ n }) => n)).toEqual(numbersUpTo(gateway.segments().length))
  await expectAllFrames(gateway, clip, ['180', '90'])
})

test('a worker that is stopped stores what it has encoded, and its successor goes on after that', async () => {
  const clip = await makeCounterClip({ sec: 9, fps: '30' })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using first = startLiveWorker(gateway)
  await until(() => gateway.segments().length >= 1, 'a segment is reported')
  first.kill('SIGTERM')
  expect(await first.exited).toEqual({ code: 0, signal: null })
  expect(gateway.reports().every(({ finished_session: session }) => session === null)).toBe(true)
  await using second = startLiveWorker(gateway)
  await untilFinished(gateway, ingest, second)

  // The end of what the first one stored lies between key frames: the source is encoded until the next one.
  expect(gateway.reports().at(-1)?.health.is_passed_through).toBe(true)
  await expectAllFrames(gateway, clip, ['180', '90'])
})

test('a broken connection to the ingest is opened again, and no frame is lost or doubled', async () => {
  const clip = await makeCounterClip({ sec: 9, fps: '30' })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway)
  await until(() => gateway.segments().length >= 1, 'a segment is reported')
  ingest.cutConnections()
  await untilFinished(gateway, ingest, worker)
  await expectAllFrames(gateway, clip, ['180', '90'])
})

test('the next encoder of a broadcast continues its segments in a new run', async () => {
  const clip = await makeCounterClip({ sec: 3, fps: '30' })
  const other = await makeCounterClip({ sec: 3, fps: '25', height: 360, withAudio: false })
  await using first = await startIngestDouble(clip)
  await using second = await startIngestDouble(other)
  await using gateway = await startLiveGateway({ source: null })
  await using worker = startLiveWorker(gateway)
  await until(() => gateway.reports().length >= 2, 'the worker waits for an encoder')
  gateway.setSource(first.source)
  await untilFinished(gateway, first, worker)
  gateway.setSource(second.source)
  await untilFinished(gateway, second, worker)

  expect(gateway.runs().map(({ session }) => session)).toEqual([first.source.session, second.source.session])
  expect(gateway.segments().map(({ n }) => n)).toEqual(numbersUpTo(gateway.segments().length))
  const frames = [...numbersUpTo(clip.frames), ...numbersUpTo(other.frames)]
  expect(await readStoredFrames(stored('90'), gateway.segments())).toEqual(frames)
})

test('a worker whose epoch is stale exits, and its ffmpeg with it', async () => {
  const clip = await makeCounterClip({ sec: 9, fps: '30' })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using first = startLiveWorker(gateway)
  await until(() => gateway.segments().length >= 1, 'a segment is reported')
  const [encoder] = await listChildren(first.pid, 'ffmpeg')
  await using second = startLiveWorker(gateway)
  expect(await first.exited).toEqual({ code: 0, signal: null })
  await until(() => !existsSync(`/proc/${encoder}`), 'its ffmpeg has ended')
  await untilFinished(gateway, ingest, second)
  await expectAllFrames(gateway, clip, ['180', '90'])
})

test('an encoder without a picture is reported as a problem, and nothing is stored', async () => {
  const clip = await makeCounterClip({ sec: 8, fps: '30', withVideo: false })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway)
  await untilFinished(gateway, ingest, worker)
  const problems = gateway.reports().map(({ health }) => health.problem)
  expect(problems).toContain('the encoder sends no picture')
  expect(gateway.segments()).toEqual([])
})

test('parts of every rung are announced as they come, and together are the stored segments', async () => {
  const clip = await makeCounterClip({ sec: 7, fps: '30' })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source })
  const env = liveEnv(gateway.origin, dir)
  await using worker = startWorker(env)
  await until(() => gateway.reports().length > 0, 'the worker reports')
  await using reader = readParts(gateway.reports()[0]?.parts_url ?? '', env['WORKER_TOKEN'] ?? '')
  await untilFinished(gateway, ingest, worker)
  await until(() => (reader.parts.at(-1)?.event.n ?? 0) === gateway.segments().at(-1)?.n, 'the last parts are read')

  for (const segment of gateway.segments()) {
    for (const rung of ['180', '90']) {
      const parts = reader.parts.filter(({ event }) => event.rung === rung && event.n === segment.n)
      const file = await readFile(join(dir, 'store', FOLDER, `1/${rung}/${segment.n}.m4s`))
      expect(Buffer.concat(parts.map(({ bytes }) => bytes))).toEqual(file)
      const durationSec = parts.reduce((sum, { event }) => sum + event.duration_sec, 0)
      expect(durationSec).toBeCloseTo(segment.duration_sec, 2)
      expect(parts[0]?.event).toMatchObject({ is_independent: true, program_date_time: segment.program_date_time })
    }
  }
})

test('a broadcast has a picture of its own', async () => {
  const clip = await makeCounterClip({ sec: 4, fps: '30' })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source, order: { latency: 'normal' } })
  await using worker = startLiveWorker(gateway)
  await untilFinished(gateway, ingest, worker)
  const findPoster = () => gateway.reports().at(-1)?.poster ?? null
  await until(() => findPoster() !== null, 'a picture is reported')
  const picture = await readFile(join(dir, 'store', FOLDER, `poster-${findPoster()}.jpg`))
  expect(picture.subarray(0, 2)).toEqual(Buffer.from('ffd8', 'hex'))
  expect(gateway.reports().every(({ parts_url: url }) => url === null)).toBe(true)
})
