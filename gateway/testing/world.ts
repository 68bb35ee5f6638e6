import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import type { ExpectStatic } from 'vitest'

import { makeClip, type Clip, type ClipPart } from '../../worker/testing/media.ts'
import { startSimulator, type Simulator } from '../../worker/testing/stream-simulator.ts'
import { createLog } from '../../shared/log.ts'
import { findFreePort } from '../adapters/free-port.ts'
import { clusterUrl } from '../adapters/postgres-cluster.ts'
import { connectPostgres } from '../adapters/postgres.ts'
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts'
import { checkInvariants } from './invariants.ts'
import { workerPids } from './processes.ts'
import { startReceiver, type Receiver } from './receiver.ts'
import { TEST_KEYS, type Json } from './test-gateway.ts'

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

/** A whole system on an empty data folder: broadcast, gateway, receiver. */
export type World = AsyncDisposable & {
  readonly clip: Clip
  readonly dataDir: string
  readonly databaseUrl: string
  readonly simulator: Simulator
  readonly receiver: Receiver
  gateway(): GatewayProcess
  /** Starts a gateway on the same data folder and port; the one before must be dead. */
  startGateway(): Promise<void>
  api(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; json: Json; retryAfter: string | null }>
}

export async function createWorld(clip: Clip, settings: Record<string, string> = {}): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallylight-faults-'))
  const simulator = await startSimulator(clip, { windowSegments: clip.segments.length })
  const receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
  const port = await findFreePort(null)
  const env = {
    ...TEST_KEYS,
    DATA_DIR: dataDir,
    ALLOW_PRIVATE_NETWORKS: 'true',
    RATE_LIMIT_READS_PER_MIN: '100000',
    ...settings,
  }
  const start = () => startGatewayProcess({ port, env, signal: AbortSignal.timeout(60_000) })
  async function clear(): Promise<void> {
    await simulator[Symbol.asyncDispose]()
    await receiver[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true, force: true })
  }
  let gateway = await start().catch(async (error: unknown) => {
    await clear()
    throw error
  })
  return {
    clip,
    dataDir,
    databaseUrl: settings['DATABASE_URL'] ?? (await embeddedUrl(dataDir)),
    simulator,
    receiver,
    gateway: () => gateway,
    async startGateway() {
      gateway = await start()
    },
    async api(method, path, body, headers = {}) {
      const answer = await fetch(gateway.origin + path, {
        method,
        headers: { 'x-api-key': TEST_KEYS.API_KEY, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(15_000),
      })
      return { status: answer.status, json: await answer.json(), retryAfter: answer.headers.get('retry-after') }
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await clear()
    },
  }
}

/** How the gateway reaches the database that it runs itself. */
async function embeddedUrl(dataDir: string): Promise<string> {
  const { port, password } = JSON.parse(await readFile(join(dataDir, 'postgres.json'), 'utf8'))
  return clusterUrl(port, password)
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

/** Resolves once the condition holds; throws with what did not come about. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 20_000,
): Promise<void> {
  const endMs = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`it did not come about that ${what}`)
    await wait(50)
  }
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
  await checkInvariants(database.sql, { realWorkers: true })
}

/** Resolves when the blackout has been told, which is in its middle. */
export async function blackoutTold(world: World): Promise<void> {
  await world.receiver.waitFor(({ payload }) => payload.event_type === 'alert.blackout', 30_000)
}
