import { expect, test } from 'vitest'

import { until } from '../../shared/testing/until.ts'
import { makeCounterClip } from './testing/counter-clip.ts'
import { startIngestDouble } from './testing/ingest-double.ts'
import { startLiveGateway } from './testing/live-gateway.ts'
import { createFolder, numbersUpTo, startLiveWorker, stored, untilFinished } from './testing/live-worker.ts'
import { readStoredFrames } from './testing/stored-frames.ts'

// The tests keep time with a clip and hardly compute: several run at once.

test.concurrent('a worker encodes what ended before it came, then what is on the air; a session that is gone is left out', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 3, fps: '30' })
  await using gone = await startIngestDouble(clip, { refuse: () => 404 })
  await using earlier = await startIngestDouble(clip, { headStartSec: 3 })
  await using ingest = await startIngestDouble(clip)
  const sources = [gone.source, earlier.source, ingest.source]
  await using gateway = await startLiveGateway({ source: ingest.source, order: { unfinished_sources: sources } })
  await using worker = startLiveWorker(gateway, dir)
  await untilFinished(gateway, ingest, worker)
  const finished = gateway.reports().map((report) => report.finished_session)
  expect([...new Set(finished)].filter((session) => session !== null)).toEqual(sources.map(({ session }) => session))
  const frames = [...numbersUpTo(clip.frames), ...numbersUpTo(clip.frames)]
  expect(await readStoredFrames(stored(dir, '180'), gateway.segments())).toEqual(frames)
})

test.concurrent('the next encoder of a broadcast continues its segments in a new run', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 3, fps: '30' })
  const other = await makeCounterClip({ sec: 3, fps: '25', height: 360, withAudio: false })
  await using first = await startIngestDouble(clip)
  await using second = await startIngestDouble(other)
  await using gateway = await startLiveGateway({ source: null })
  await using worker = startLiveWorker(gateway, dir)
  await until(() => gateway.reports().length >= 2, 'the worker waits for an encoder')
  gateway.setSource(first.source)
  await untilFinished(gateway, first, worker)
  gateway.setSource(second.source)
  await untilFinished(gateway, second, worker)

  expect(gateway.runs().map(({ session }) => session)).toEqual([first.source.session, second.source.session])
  expect(gateway.segments().map(({ n }) => n)).toEqual(numbersUpTo(gateway.segments().length))
  const frames = [...numbersUpTo(clip.frames), ...numbersUpTo(other.frames)]
  expect(await readStoredFrames(stored(dir, '90'), gateway.segments())).toEqual(frames)
})

test.concurrent('sessions that come and go while another one is encoded are encoded after it, in their order', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 3, fps: '30' })
  const short = await makeCounterClip({ sec: 2, fps: '30' })
  await using first = await startIngestDouble(clip)
  await using second = await startIngestDouble(short, { headStartSec: 2 })
  await using third = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: first.source })
  await using worker = startLiveWorker(gateway, dir)
  await until(() => gateway.reports().length > 0, 'the worker reports')
  gateway.setSource(second.source)
  gateway.setSource(third.source)
  await untilFinished(gateway, third, worker)

  const sessions = [first, second, third].map(({ source }) => source.session)
  expect([...new Set(gateway.runs().map(({ session }) => session))]).toEqual(sessions)
  const frames = [clip, short, clip].flatMap(({ frames: count }) => numbersUpTo(count))
  expect(await readStoredFrames(stored(dir, '90'), gateway.segments())).toEqual(frames)
})
