import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { readFrameNumbers } from '../../shared/testing/frame-counter.ts'
import { findFreePort } from '../../shared/testing/free-port.ts'
import { mountSmallDisk } from '../../shared/testing/small-disk.ts'
import { runFfmpeg } from '../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS, until } from '../../shared/testing/until.ts'
import { startWorker } from '../../shared/testing/worker-process.ts'
import { liveEnv } from '../testing/worker-environments.ts'
import { makeCounterClip } from './testing/counter-clip.ts'
import { startIngestDouble } from './testing/ingest-double.ts'
import { FOLDER, startLiveGateway } from './testing/live-gateway.ts'
import {
  createFolder,
  expectAllFrames,
  numbersUpTo,
  startLiveWorker,
  sum,
  untilFinished,
} from './testing/live-worker.ts'
import { readParts } from './testing/part-reader.ts'
import { killChildren, listChildren, listCommandLines } from './testing/child-processes.ts'

// The tests keep time with a clip and hardly compute: several run at once.

test.concurrent('a broadcast is stored from its first frame on, however late its worker is, which exits when it is over', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 9, fps: '30' })
  await using ingest = await startIngestDouble(clip, { headStartSec: 5 })
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway, dir)
  await untilFinished(gateway, ingest, worker)
  gateway.end()
  expect(await worker.exited).toEqual({ code: 0, signal: null })
  await expectAllFrames(gateway, clip, dir)
})

test.concurrent('a worker that is killed is followed by one that loses and doubles no frame', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 11, fps: '30', keyFrameSec: 3 })
  await using ingest = await startIngestDouble(clip, { holdFromMs: 7000 })
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using first = startLiveWorker(gateway, dir)
  await until(() => gateway.segments().length >= 2, 'two segments are reported')
  first.kill('SIGKILL')
  await first.exited
  ingest.release()
  await using second = startLiveWorker(gateway, dir)
  await untilFinished(gateway, ingest, second)

  expect(new Set(gateway.segments().map(({ epoch }) => epoch))).toEqual(new Set([1, 2]))
  await expectAllFrames(gateway, clip, dir)
})

test.concurrent('an ffmpeg that is killed is replaced, and no frame is lost or doubled', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 9, fps: '25' })
  await using ingest = await startIngestDouble(clip, { holdFromMs: 5000 })
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway, dir)
  await until(() => gateway.segments().length >= 1, 'a segment is reported')
  await killChildren(worker.pid, 'ffmpeg')
  ingest.release()
  await untilFinished(gateway, ingest, worker)

  expect(gateway.runs().map(({ run }) => run)).toEqual([1, 2])
  // A number is left out where players may have parts of its segment that the second ffmpeg makes anew.
  const numbers = gateway.segments().map(({ n }) => n)
  expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b))
  await expectAllFrames(gateway, clip, dir)
})

test.concurrent('a worker that is stopped stores what it has encoded, and its successor goes on after that', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 9, fps: '30' })
  await using ingest = await startIngestDouble(clip, { holdFromMs: 5000 })
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using first = startLiveWorker(gateway, dir)
  await until(() => gateway.segments().length >= 1, 'a segment is reported')
  first.kill('SIGTERM')
  expect(await first.exited).toEqual({ code: 0, signal: null })
  ingest.release()
  expect(gateway.reports().every(({ finished_session: session }) => session === null)).toBe(true)
  await using second = startLiveWorker(gateway, dir)
  await untilFinished(gateway, ingest, second)

  // The end of what the first one stored lies between key frames: the source is encoded until the next one.
  const begun = second.lines.filter((line) => line.includes('run begins')).map((line) => JSON.parse(line))
  expect(begun.map((run) => run.is_passed_through)).toEqual([false, true])
  await expectAllFrames(gateway, clip, dir)
})

test.concurrent('a worker that is stopped together with its ingest stores what that still sends, and reports the session as finished', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 9, fps: '30' })
  await using ingest = await startIngestDouble(clip, { headStartSec: 9, holdFromMs: 5000 })
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway, dir)
  await until(() => gateway.segments().length >= 1, 'a segment is reported')
  worker.kill('SIGTERM')
  await until(() => worker.lines.some((line) => line.includes('worker stopping')), 'the worker stops')
  ingest.release()
  expect(await worker.exited).toEqual({ code: 0, signal: null })
  expect(gateway.reports().at(-1)?.finished_session).toBe(ingest.source.session)
  await expectAllFrames(gateway, clip, dir)
})

test.concurrent('a broken connection to the ingest is opened again, and no frame is lost or doubled', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 9, fps: '30' })
  await using ingest = await startIngestDouble(clip, { holdFromMs: 5000 })
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway, dir)
  await until(() => gateway.segments().length >= 1, 'a segment is reported')
  ingest.cutConnections()
  ingest.release()
  await untilFinished(gateway, ingest, worker)
  await expectAllFrames(gateway, clip, dir)
})

test.concurrent('a worker that finds no space for its files says so, and begins once there is some', async ({
  skip,
}) => {
  await using folder = await createFolder()
  const { dir } = folder
  // Without an inode no folder can be made.
  await using disk = await mountSmallDisk(join(dir, 'work'), 'nr_inodes=1')
  if (disk === null) return skip('only root can mount a disk')
  const clip = await makeCounterClip({ sec: 3, fps: '30' })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway, dir)
  const problems = () => gateway.reports().map(({ health }) => health.problem)
  await until(() => problems().some((problem) => problem?.includes('ENOSPC')), 'it says so')
  disk.resize('nr_inodes=1000')
  await untilFinished(gateway, ingest, worker)
  expect(problems().at(-1)).toBeNull()
  await expectAllFrames(gateway, clip, dir)
})

test.concurrent('a worker whose epoch is stale exits, and its ffmpeg with it', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 9, fps: '30' })
  await using ingest = await startIngestDouble(clip, { holdFromMs: 5000 })
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using first = startLiveWorker(gateway, dir)
  await until(() => gateway.segments().length >= 1, 'a segment is reported')
  const [encoder] = await listChildren(first.pid, 'ffmpeg')
  await using second = startLiveWorker(gateway, dir)
  expect(await first.exited).toEqual({ code: 0, signal: null })
  ingest.release()
  await until(() => !existsSync(`/proc/${encoder}`), 'its ffmpeg has ended')
  await untilFinished(gateway, ingest, second)
  await expectAllFrames(gateway, clip, dir)
})

test.concurrent('an encoder without a picture is reported as a problem, and nothing is stored', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 8, fps: '30', withVideo: false })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway, dir)
  await untilFinished(gateway, ingest, worker)
  const problems = gateway.reports().map(({ health }) => health.problem)
  expect(problems).toContain('the encoder sends no picture')
  expect(gateway.segments()).toEqual([])
})

test.concurrent('parts of every rung are announced as they come, and together are the stored segments', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 7, fps: '30' })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source })
  const env = liveEnv(gateway.origin, dir)
  await using worker = startWorker(env)
  await until(() => gateway.reports().length > 0, 'the worker reports')
  await using reader = readParts(gateway.reports()[0]?.parts_url ?? '', env['WORKER_TOKEN'] ?? '')
  await until(() => reader.parts.length > 0, 'a part is read')
  for (const rung of ['180', '90']) expect(existsSync(join(dir, 'store', FOLDER, `1/${rung}/init-1.mp4`))).toBe(true)
  await untilFinished(gateway, ingest, worker)
  const storedBytes = gateway.segments().flatMap(({ bytes }) => bytes)
  const isComplete = () => sum(reader.parts.map(({ bytes }) => bytes.length)) >= sum(storedBytes)
  await until(isComplete, 'all parts are read')

  for (const segment of gateway.segments()) {
    for (const rung of ['180', '90']) {
      const parts = reader.parts.filter(({ event }) => event.rung === rung && event.n === segment.n)
      const file = await readFile(join(dir, 'store', FOLDER, `1/${rung}/${segment.n}.m4s`))
      expect(Buffer.concat(parts.map(({ bytes }) => bytes))).toEqual(file)
      const durationSec = sum(parts.map(({ event }) => event.duration_sec))
      expect(durationSec).toBeCloseTo(segment.duration_sec, 2)
      const { program_date_time, start_ms } = segment
      expect(parts[0]?.event).toMatchObject({ is_independent: true, program_date_time, start_ms })
    }
  }
  const { session } = ingest.source
  const encoded = gateway.reports().flatMap(({ runs }) => runs.flatMap(({ rungs }) => rungs))
  for (const { name, width, height, codecs } of encoded) {
    const { event } = reader.parts.find((part) => part.event.rung === name) ?? {}
    expect(event).toMatchObject({ session, encoded: { width, height, codecs } })
  }
})

test.concurrent('a broadcast has a picture of its own', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 4, fps: '30' })
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source, order: { latency: 'normal' } })
  await using worker = startLiveWorker(gateway, dir)
  await untilFinished(gateway, ingest, worker)
  const findPoster = () => gateway.reports().at(-1)?.poster ?? null
  await until(() => findPoster() !== null, 'a picture is reported')
  const picture = await readFile(join(dir, 'store', FOLDER, `poster-${findPoster()}.jpg`))
  expect(picture.subarray(0, 2)).toEqual(Buffer.from('ffd8', 'hex'))
  expect(gateway.reports().every(({ parts_url: url }) => url === null)).toBe(true)
})

test.concurrent('a broadcast is pushed to another platform too, here ffmpeg, and the key there shows nowhere', async () => {
  const key = 'their-key-0123456789'
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 9, fps: '30' })
  const [port, received] = [await findFreePort(), join(dir, 'received.mkv')]
  const input = ['-listen', '1', '-i', `rtmp://127.0.0.1:${port}/live/any`]
  // A broadcast ends here with its connection, which ffmpeg may call an error.
  const platform = runFfmpeg('ffmpeg', ['-v', 'error', ...input, '-c', 'copy', received], { timeoutMs: PATIENCE_MS })
  const ended = platform.catch(() => undefined)
  await using ingest = await startIngestDouble(clip, { holdFromMs: 5000 })
  const push = { url: `rtmp://127.0.0.1:${port}/live`, key }
  const targets = [{ target_id: '019502f0-0000-7000-8000-000000000002', push }]
  await using gateway = await startLiveGateway({ source: ingest.source, targets })
  await using worker = startLiveWorker(gateway, dir)
  const statesSeen = () => gateway.reports().flatMap((report) => report.targets?.map(({ state }) => state) ?? [])
  await until(() => statesSeen().includes('live'), 'the target is reported as live')
  const commands = await listCommandLines(worker.pid)
  ingest.release()
  await untilFinished(gateway, ingest, worker)
  await ended

  await expectAllFrames(gateway, clip, dir)
  const numbers = await readFrameNumbers(received, 180)
  // The key frame at 6 s is the first one after the hold.
  expect(numbers.length).toBeGreaterThanOrEqual(90)
  expect(numbers).toEqual(numbersUpTo(clip.frames).slice(-numbers.length))
  expect(commands.length).toBeGreaterThan(1)
  expect(commands.join()).not.toContain(key)
  expect(worker.lines.join()).not.toContain(key)
  expect(JSON.stringify(gateway.reports())).not.toContain(key)
})
