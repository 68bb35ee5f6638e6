import { makeClip } from '../../shared/testing/clips.ts'
import { startBroadcastSimulator } from '../../shared/testing/broadcast-simulator.ts'
import { startReceiver } from '../testing/receiver.ts'
import type { BenchResult } from './result-table.ts'
import { startBenchSystem } from './system.ts'

const SEGMENT_SEC = 2
const THRESHOLD_SEC = 3
const BLACK_FROM_SEC = 9
/** A segment is analysed once it is complete; the alarm then has two seconds. */
const LIMIT_SEC = SEGMENT_SEC + 2

/** Measures the time from the threshold in the stream to the arrival of the alarm. */
export async function benchAlarmLatency(): Promise<BenchResult[]> {
  const parts = [{ sec: BLACK_FROM_SEC }, { sec: 7, video: 'black' as const, audio: 'silent' as const }, { sec: 2 }]
  await using clip = await makeClip(parts, { segmentSec: SEGMENT_SEC, fps: 25, size: '640x360', container: 'ts' })
  await using simulator = await startBroadcastSimulator(clip)
  await using system = await startBenchSystem()
  await using receiver = await startReceiver(system.keys.WEBHOOK_SIGNING_KEY)
  const config = { check_interval_sec: 10, blackout_threshold_sec: THRESHOLD_SEC, silence_threshold_sec: THRESHOLD_SEC }
  await system.createMonitor({ stream_url: simulator.url, callback_url: receiver.url, config })
  const alarms = ['alert.blackout', 'alert.silence']
  const lateSec = await Promise.all(
    alarms.map(async (type) => {
      const delivery = await receiver.waitFor(({ payload }) => payload.event_type === type, 60_000)
      return (delivery.atMs - simulator.wallOf(BLACK_FROM_SEC + THRESHOLD_SEC)) / 1000
    }),
  )
  const worst = Math.max(...lateSec)
  return [
    {
      name: 'alarm after its threshold, 2 s segments',
      ours: `${worst.toFixed(2)} s`,
      compared: `one segment + 2 s: ${LIMIT_SEC} s`,
      ratio: worst / LIMIT_SEC,
      goal: '≤ 1',
    },
  ]
}
