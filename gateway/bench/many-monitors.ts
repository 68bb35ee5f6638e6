import { setTimeout as wait } from 'node:timers/promises'

import { makeClip } from '../../shared/testing/clips.ts'
import { startBroadcastSimulator } from '../../shared/testing/broadcast-simulator.ts'
import { startReceiver } from '../testing/receiver.ts'
import { readTreeCpuSec, readTreeMb } from './cpu.ts'
import type { BenchResult } from './result-table.ts'
import { startBenchSystem } from './system.ts'

const STREAMS = 24
const SEGMENT_SEC = 5
/** Segments until every monitor runs, and those that are measured. */
const WARM_UP_SEGMENTS = 5
const MEASURED_SEGMENTS = 8
const STREAMS_PER_CORE = 60
const MB_PER_STREAM = 40

/** Measures CPU and memory of many small streams: gateway, workers, decoders and database together. */
export async function benchManyMonitors(): Promise<BenchResult[]> {
  const segments = WARM_UP_SEGMENTS + MEASURED_SEGMENTS + 3
  await using clip = await makeClip([{ sec: segments * SEGMENT_SEC }], {
    segmentSec: SEGMENT_SEC,
    fps: 25,
    size: '256x144',
    container: 'ts',
  })
  await using system = await startBenchSystem()
  await using receiver = await startReceiver(system.keys.WEBHOOK_SIGNING_KEY)
  const simulators = await Promise.all(Array.from({ length: STREAMS }, () => startBroadcastSimulator(clip)))
  try {
    const monitors = await Promise.all(
      simulators.map(({ url }) => system.createMonitor({ stream_url: url, callback_url: receiver.url })),
    )
    await Promise.all(monitors.map((id) => system.waitForSegments(id, WARM_UP_SEGMENTS)))
    const [cpuSec, fromMs] = [readTreeCpuSec(system.pid), performance.now()]
    await wait(MEASURED_SEGMENTS * SEGMENT_SEC * 1000)
    const cores = (readTreeCpuSec(system.pid) - cpuSec) / ((performance.now() - fromMs) / 1000)
    const [perCore, mb] = [STREAMS / cores, readTreeMb(system.pid) / STREAMS]
    return [
      {
        name: `streams of 144p in ${SEGMENT_SEC} s segments that one core watches, of ${STREAMS}`,
        ours: perCore.toFixed(0),
        compared: `required: ${STREAMS_PER_CORE}`,
        ratio: perCore / STREAMS_PER_CORE,
        goal: '≥ 1',
      },
      {
        name: 'memory of the whole product per such stream',
        ours: `${mb.toFixed(0)} MB`,
        compared: `limit: ${MB_PER_STREAM} MB`,
        ratio: mb / MB_PER_STREAM,
        goal: '≤ 1',
      },
    ]
  } finally {
    await Promise.all(simulators.map((simulator) => simulator[Symbol.asyncDispose]()))
  }
}
