import type { ExpectStatic } from 'vitest'

import { makeClip, type Clip, type ClipPart } from '../../worker/testing/media.ts'
import { startSimulator, type Simulator } from '../../worker/testing/stream-simulator.ts'
import { createLog } from '../../shared/log.ts'
import { connectPostgres } from '../adapters/postgres.ts'
import { checkInvariants } from './invariants.ts'
import { workerPids } from './processes.ts'
import { startWholeSystem, until, type WholeSystem } from './whole-system.ts'

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
export const CONFIG = { check_interval_sec: 1, blackout_threshold_sec: 3, silence_threshold_sec: 2 }

/** The broadcast of the scenario: 24 s in 2 s segments, every edge within one. */
export function makeScenario(): Promise<Clip> {
  const parts: ClipPart[] = [
    { sec: BLACK.fromSec },
    { sec: BLACK.sec, video: 'black' },
    { sec: SILENT.fromSec - BLACK.fromSec - BLACK.sec },
    { sec: SILENT.sec, audio: 'silent' },
    { sec: 3.4 },
  ]
  return makeClip(parts, { segmentSec: 2, fps: 25, size: '320x180', container: 'ts' })
}

/** A whole system, and a broadcast to watch. */
export type World = WholeSystem & { readonly clip: Clip; readonly simulator: Simulator }

export async function createWorld(clip: Clip, settings: Record<string, string> = {}): Promise<World> {
  const simulator = await startSimulator(clip, { windowSegments: clip.segments.length })
  const system = await startWholeSystem(settings).catch(async (error: unknown) => {
    await simulator[Symbol.asyncDispose]()
    throw error
  })
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

/** Has the scenario's broadcast watched, at the address by which workers reach it. */
export async function watch(world: World, streamUrl = world.simulator.url): Promise<string> {
  const made = await world.api('POST', '/api/v1/monitors', {
    stream_url: streamUrl,
    callback_url: world.receiver.url,
    config: CONFIG,
  })
  if (made.status !== 201) throw new Error(`POST /monitors: ${made.status} ${JSON.stringify(made.json)}`)
  return made.json.monitor_id
}

/** What must hold at the end of the scenario, whatever was killed in its middle. */
export async function expectWholeStory(expect: ExpectStatic, world: World, id: string): Promise<void> {
  const { receiver, simulator, clip } = world
  await receiver.waitFor(({ payload }) => payload.event_type === 'stream.ended', 60_000)
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
  const monitor = (await world.api('GET', `/api/v1/monitors/${id}`)).json
  expect(monitor).toMatchObject({ status: 'completed', stream_status: 'ended' })
  expect(monitor.statistics).toMatchObject({
    total_segments_analyzed: clip.segments.length,
    blackout_events: 1,
    silence_events: 1,
  })
  await until(() => workerPids(id).length === 0, 'the worker of the ended monitor is gone')
  await using database = connectPostgres(world.databaseUrl, createLog('test', 'error', console.error))
  await checkInvariants(database.sql, { realWorkers: true, received: receiver.deliveries })
}

/** Resolves when the blackout has been told, which is in its middle. */
export async function blackoutTold(world: World): Promise<void> {
  await world.receiver.waitFor(({ payload }) => payload.event_type === 'alert.blackout', 30_000)
}
