import { expect, test } from 'vitest'

import { until } from '../../shared/testing/until.ts'
import { TAG_TYPE, type FlvTag } from './flv/flv-tag.ts'
import { isFrame } from './testing/broadcast.ts'
import { killChildren } from './testing/child-processes.ts'
import { makeCounterClip } from './testing/counter-clip.ts'
import { startIngestDouble } from './testing/ingest-double.ts'
import { startLiveGateway } from './testing/live-gateway.ts'
import {
  createFolder,
  expectAllFrames,
  numbersUpTo,
  startLiveWorker,
  stored,
  untilFinished,
} from './testing/live-worker.ts'
import { readStoredFrames } from './testing/stored-frames.ts'

// What encoders do in the middle of a session. The tests keep time with a clip and hardly compute: all run at once.

test.concurrent('a run that begins after the sound has stopped does not wait for it, and no frame is lost or doubled', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 9, fps: '30' })
  const isHeard = (tag: FlvTag) => tag.type !== TAG_TYPE.audio || tag.timestampMs < 1500
  const mute = { ...clip, tags: clip.tags.filter(isHeard) }
  await using ingest = await startIngestDouble(mute, { holdFromMs: 6000 })
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway, dir)
  await until(() => gateway.segments().length >= 2, 'two segments are reported')
  await killChildren(worker.pid, 'ffmpeg')
  ingest.release()
  await untilFinished(gateway, ingest, worker)
  const soundOf = gateway.runs().map(({ rungs }) => rungs[0]?.codecs.includes('mp4a'))
  expect([soundOf[0], soundOf.at(-1)]).toEqual([true, false])
  await expectAllFrames(gateway, clip, dir)
})

test.concurrent('a picture that stops for seconds while the sound goes on makes no long segment, and no frame is lost or doubled', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 10, fps: '30' })
  const isSent = ({ type, timestampMs }: FlvTag) => type !== TAG_TYPE.video || timestampMs < 3000 || timestampMs >= 8000
  await using ingest = await startIngestDouble({ ...clip, tags: clip.tags.filter(isSent) })
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway, dir)
  await untilFinished(gateway, ingest, worker)
  expect(Math.max(...gateway.segments().map(({ duration_sec: sec }) => sec))).toBeLessThan(2.5)
  const wanted = numbersUpTo(clip.frames).filter((n) => n < 90 || n >= 240)
  expect(await readStoredFrames(stored(dir, '90'), gateway.segments())).toEqual(wanted)
})

test.concurrent('a source whose key frames come later and later is encoded from its last segment on, and no frame is lost or doubled', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const even = await makeCounterClip({ sec: 4, fps: '30' })
  const rare = await makeCounterClip({ sec: 9, fps: '30', keyFrameSec: 9 })
  const tags = [
    ...even.tags,
    ...rare.tags.filter(isFrame).map((tag) => ({ ...tag, timestampMs: tag.timestampMs + 4000 })),
  ]
  await using ingest = await startIngestDouble({ ...even, tags })
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startLiveWorker(gateway, dir)
  await untilFinished(gateway, ingest, worker)
  expect(Math.max(...gateway.segments().map(({ duration_sec: sec }) => sec))).toBeLessThan(2.5)
  const wanted = [...numbersUpTo(even.frames), ...numbersUpTo(rare.frames)]
  expect(await readStoredFrames(stored(dir, '90'), gateway.segments())).toEqual(wanted)
})
