import type { ExpectStatic } from 'vitest'

import { makeClip, type Clip, type ClipPart } from '../../shared/testing/clips.ts'
import { startBroadcastSimulator, type BroadcastSimulator } from '../../shared/testing/broadcast-simulator.ts'
import { PATIENCE_MS, until } from '../../shared/testing/until.ts'
import { createLog } from '../../shared/log.ts'
import { connectPostgres } from '../adapters/postgres/connect.ts'
import { checkInvariants } from './invariants/check-invariants.ts'
import { findWorkerPids } from './find-processes.ts'
import { startWholeSystem, type WholeSystem, type WholeSystemOptions } from './whole-system.ts'

const BLACK = { fromSec: 5, sec: 8.4 }
const SILENT = { fromSec: 15.6, sec: 5 }
const EVENTS = [
  'stream.started',
  'alert.blackout',
  'alert.blackout_recovered',
  'alert.silence',
  'alert.silence_recovered',
  'stream.ended',
]
export const MONITOR_CONFIG = { check_interval_sec: 1, blackout_threshold_sec: 3, silence_threshold_sec: 2 }

/** Makes the clip of the scenario: 24 s in 2 s segments, with every transition inside a segment. */
export function makeScenarioClip(): Promise<Clip> {
  const parts: ClipPart[] = [
    { sec: BLACK.fromSec },
    { sec: BLACK.sec, video: 'black' },
    { sec: SILENT.fromSec - BLACK.fromSec - BLACK.sec },
    { sec: SILENT.sec, audio: 'silent' },
    { sec: 3.4 },
  ]
  return makeClip(parts, { segmentSec: 2, fps: 25, size: '320x180', container: 'ts' })
}

/** Segments of the scenario until the middle of the blackout, when its alarm is due. */
const HELD_SEGMENTS = 6

/** The product, and a broadcast to monitor. */
export type ScenarioSystem = WholeSystem & { readonly clip: Clip; readonly simulator: BroadcastSimulator }

/** Starts a system whose broadcast pauses in the middle of the blackout until `simulator.resume()`, and then ends. */
export async function startScenarioSystem(
  clip: Clip,
  settings: Record<string, string> = {},
  options: WholeSystemOptions = {},
): Promise<ScenarioSystem> {
  const simulator = await startBroadcastSimulator(clip, {
    pace: 'viewer',
    leadSegments: HELD_SEGMENTS,
    windowSegments: clip.segments.length,
    // Long enough that no worker takes the pause for a stalled stream.
    targetDurationSec: PATIENCE_MS / 1000,
  })
  simulator.stall()
  // Alone in its process, a worker is found by its environment.
  const system = await startWholeSystem({ MONITORS_PER_WORKER: '1', ...settings }, options).catch(
    async (error: unknown) => {
      await simulator[Symbol.asyncDispose]()
      throw error
    },
  )
  return {
    ...system,
    clip,
    simulator,
    async [Symbol.asyncDispose]() {
      await system[Symbol.asyncDispose]()
      await simulator[Symbol.asyncDispose]()
    },
  }
}

/** Creates a monitor of the scenario's broadcast; `streamUrl` is the address by which workers reach it. */
export async function createMonitor(world: ScenarioSystem, streamUrl = world.simulator.url): Promise<string> {
  const made = await world.api('POST', '/api/v1/monitors', {
    stream_url: streamUrl,
    callback_url: world.receiver.url,
    config: MONITOR_CONFIG,
  })
  if (made.status !== 201) throw new Error(`POST /monitors: ${made.status} ${JSON.stringify(made.json)}`)
  return made.json.monitor_id
}

/** Resumes the broadcast and asserts the events and the state at its end, which no earlier fault may change. */
export async function expectAllEvents(expect: ExpectStatic, world: ScenarioSystem, id: string): Promise<void> {
  const { receiver, simulator, clip } = world
  simulator.resume()
  await receiver.waitFor(({ payload }) => payload.event_type === 'stream.ended')
  const events = new Map(receiver.deliveries.map((delivery) => [delivery.payload.event_id, delivery]))
  expect([...events.values()].map(({ payload }) => payload.event_type)).toEqual(EVENTS)
  for (const { payload, body } of receiver.deliveries) expect(body).toBe(events.get(payload.event_id)?.body)
  expect(receiver.deliveries.every(({ verdict }) => verdict === 'valid')).toBe(true)
  const dataOf = (type: string) =>
    [...events.values()].find(({ payload }) => payload.event_type === type)?.payload.data ?? {}
  const startOf = (type: string) => (Date.parse(String(dataOf(type)['started_at'])) - simulator.wallOf(0)) / 1000
  expect(Number(dataOf('alert.blackout_recovered')['total_duration_sec'])).toBeCloseTo(BLACK.sec, 0.6)
  expect(Number(dataOf('alert.silence_recovered')['total_duration_sec'])).toBeCloseTo(SILENT.sec, 0.6)
  expect(startOf('alert.blackout')).toBeCloseTo(BLACK.fromSec, 0.6)
  expect(startOf('alert.silence')).toBeCloseTo(SILENT.fromSec, 0.6)
  const read = () => world.api('GET', `/api/v1/monitors/${id}`)
  // A busy machine may answer 503 for a while after its database was killed.
  await until(async () => (await read()).status === 200, 'the monitor can be read')
  const monitor = (await read()).json
  expect(monitor).toMatchObject({ status: 'completed', stream_status: 'ended' })
  expect(monitor.statistics).toMatchObject({
    total_segments_analyzed: clip.segments.length,
    blackout_events: 1,
    silence_events: 1,
    freeze_events: 0,
    track_missing_events: 0,
  })
  const { total_segments_analyzed: analyzed, segments_failed: failed, segments_skipped: skipped } = monitor.statistics
  expect(analyzed + failed + skipped).toBe(clip.segments.length)
  await until(() => findWorkerPids(id).length === 0, 'the worker of the ended monitor has exited')
  await using database = connectPostgres(world.databaseUrl, createLog('test', 'error', console.error))
  await checkInvariants(database.sql, { realWorkers: true, received: receiver.deliveries })
}

/** Resolves when the alert of the blackout is delivered, which is in the middle of the blackout. */
export async function waitForBlackoutAlert(world: ScenarioSystem): Promise<void> {
  await world.receiver.waitFor(({ payload }) => payload.event_type === 'alert.blackout')
}
