import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { until } from '../../shared/testing/until.ts'
import { startWorker } from '../../shared/testing/worker-process.ts'
import { liveEnv } from '../testing/worker-environments.ts'
import { listChildren } from './testing/child-processes.ts'
import { makeCounterClip } from './testing/counter-clip.ts'
import { startIngestDouble } from './testing/ingest-double.ts'
import { startLiveGateway } from './testing/live-gateway.ts'
import { readStoredFrames } from './testing/stored-frames.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-live-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** Lets the ffmpeg of a worker run for a small share of the time only, while the condition holds. */
async function slowDown(worker: number, isWanted: () => boolean): Promise<void> {
  while (isWanted()) {
    const pids = await listChildren(worker, 'ffmpeg')
    for (let turn = 0; turn < 10 && isWanted(); turn++) {
      for (const pid of pids) signal(pid, 'SIGSTOP')
      await delay(300)
      for (const pid of pids) signal(pid, 'SIGCONT')
      await delay(15)
    }
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended meanwhile.
  }
}

test('an encoder that falls behind leaves out its highest rung from a segment on, and loses no frame', async () => {
  // Far longer than the test takes, for a slow machine begins late.
  const clip = await makeCounterClip({ sec: 90, fps: '60', keyFrameSec: 3, height: 360 })
  await using ingest = await startIngestDouble(clip)
  const ladder = [360, 180, 90].map((height) => ({ height, video_kbps: height * 2 }))
  await using gateway = await startLiveGateway({ source: ingest.source, order: { ladder } })
  await using worker = startWorker(liveEnv(gateway.origin, dir))
  const isDropped = () => gateway.reports().some(({ health }) => health.is_top_rung_dropped)
  await until(() => gateway.segments().length > 0, 'a segment is reported')
  await slowDown(worker.pid, () => !isDropped())
  const lastRun = () => gateway.runs().at(-1)
  const hasRungLess = () => lastRun()?.rungs.every(({ name }) => name !== '360') === true
  const isStored = () => gateway.segments().at(-1)?.run === lastRun()?.run
  await until(() => hasRungLess() && isStored(), 'a segment without the highest rung is stored')

  const segments = gateway.segments()
  expect(gateway.runs()[0]?.rungs.map(({ name }) => name)).toEqual(['360', '180', '90'])
  expect(segments.map(({ n }) => n)).toEqual(segments.map((_, index) => index))
  const frames = await readStoredFrames({ storeDir: join(dir, 'store'), workDir: dir, rung: '90' }, segments)
  expect(frames).toEqual(frames.map((_, index) => index))
})
