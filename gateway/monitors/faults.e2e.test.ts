import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { afterAll, beforeAll, describe, it, type ExpectStatic } from 'vitest'

import { makeClip, type Clip } from '../../worker/testing/media.ts'
import { startSimulator, type Simulator } from '../../worker/testing/stream-simulator.ts'
import { findFreePort } from '../adapters/free-port.ts'
import { startGatewayProcess, type GatewayProcess } from '../testing/gateway-process.ts'
import { postmasterPid, workerPids } from '../testing/processes.ts'
import { startReceiver, type Receiver } from '../testing/receiver.ts'
import { TEST_KEYS, type Json } from '../testing/test-gateway.ts'

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
const CONFIG = { check_interval_sec: 1, blackout_threshold_sec: 3, silence_threshold_sec: 2 }

let clip: Clip
beforeAll(async () => {
  clip = await makeClip(
    [
      { sec: BLACK.fromSec },
      { sec: BLACK.sec, video: 'black' },
      { sec: SILENT.fromSec - BLACK.fromSec - BLACK.sec },
      { sec: SILENT.sec, audio: 'silent' },
      { sec: 3.4 },
    ],
    { segmentSec: 2, fps: 25, size: '320x180', container: 'ts' },
  )
})
afterAll(() => clip[Symbol.asyncDispose]())

/** A whole system on an empty data folder: broadcast, gateway, receiver. */
type World = AsyncDisposable & {
  readonly dataDir: string
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

async function createWorld(): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallylight-faults-'))
  const simulator = await startSimulator(clip, { windowSegments: 6 })
  const receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
  const port = await findFreePort(null)
  const env = { ...TEST_KEYS, DATA_DIR: dataDir, ALLOW_PRIVATE_NETWORKS: 'true', RATE_LIMIT_READS_PER_MIN: '100000' }
  const start = () => startGatewayProcess({ port, env, signal: AbortSignal.timeout(60_000) })
  let gateway = await start()
  return {
    dataDir,
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
      await simulator[Symbol.asyncDispose]()
      await receiver[Symbol.asyncDispose]()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function watch(world: World): Promise<string> {
  const made = await world.api('POST', '/api/v1/monitors', {
    stream_url: world.simulator.url,
    callback_url: world.receiver.url,
    config: CONFIG,
  })
  if (made.status !== 201) throw new Error(`POST /monitors: ${made.status} ${JSON.stringify(made.json)}`)
  return made.json.monitor_id
}

async function until(condition: () => boolean | Promise<boolean>, what: string, timeoutMs = 20_000): Promise<void> {
  const endMs = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`it did not come about that ${what}`)
    await wait(50)
  }
}

/** What must hold at the end of the scenario, whatever was killed in its middle. */
async function expectWholeStory(expect: ExpectStatic, world: World, id: string): Promise<void> {
  const { receiver, simulator } = world
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
}

const blackoutTold = (world: World) =>
  world.receiver.waitFor(({ payload }) => payload.event_type === 'alert.blackout', 30_000)

describe.concurrent('in the middle of a blackout', () => {
  it('kill -9 of the worker changes nothing that is told', async ({ expect }) => {
    await using world = await createWorld()
    const id = await watch(world)
    await blackoutTold(world)
    const [pid = 0] = workerPids(id)
    process.kill(pid, 'SIGKILL')
    await until(() => workerPids(id).some((other) => other !== pid), 'another worker is there')
    await expectWholeStory(expect, world, id)
  }, 120_000)

  it('kill -9 of the gateway changes nothing that is told', async ({ expect }) => {
    await using world = await createWorld()
    const id = await watch(world)
    await blackoutTold(world)
    const [pid] = workerPids(id)
    world.gateway().kill('SIGKILL')
    await world.gateway().exited
    await until(() => workerPids(id).length === 0, 'the orphaned worker has ended by itself', 5000)
    await world.startGateway()
    await until(() => workerPids(id).some((other) => other !== pid), 'another worker is there')
    await expectWholeStory(expect, world, id)
  }, 120_000)

  it('kill -9 of Postgres changes nothing that is told, and is over within 10 s', async ({ expect }) => {
    await using world = await createWorld()
    const id = await watch(world)
    await blackoutTold(world)
    process.kill(postmasterPid(world.dataDir), 'SIGKILL')
    await until(async () => (await world.api('GET', '/readyz')).status === 503, '/readyz says so', 5000)
    expect((await world.api('GET', '/healthz')).status).toBe(200)
    await until(async () => (await world.api('GET', '/readyz')).status === 200, 'the gateway is ready again', 10_000)
    await expectWholeStory(expect, world, id)
  }, 120_000)

  it('SIGTERM of the gateway hands over to the next one', async ({ expect }) => {
    await using world = await createWorld()
    const id = await watch(world)
    await blackoutTold(world)
    world.gateway().kill('SIGTERM')
    await world.gateway().exited
    expect(workerPids(id)).toEqual([])
    await world.startGateway()
    await expectWholeStory(expect, world, id)
  }, 120_000)
})

describe('a gateway killed around a POST', () => {
  it('has one record and one worker afterwards, and gives the same Idempotency-Key the same answer', async ({
    expect,
  }) => {
    await using world = await createWorld()
    const payload = { stream_url: world.simulator.url, callback_url: world.receiver.url, config: CONFIG }
    const headers = { 'idempotency-key': 'only-once' }
    const cutOff = world.api('POST', '/api/v1/monitors', payload, headers).catch(() => null)
    await wait(20)
    world.gateway().kill('SIGKILL')
    const first = await cutOff
    await world.gateway().exited
    await world.startGateway()
    const again = await world.api('POST', '/api/v1/monitors', payload, headers)
    expect(again.status).toBe(201)
    if (first !== null) expect(again.json).toEqual(first.json)
    const listed = (await world.api('GET', '/api/v1/monitors')).json
    expect(listed.pagination.total).toBe(1)
    const id = again.json.monitor_id
    await world.receiver.waitFor(({ payload: told }) => told.event_type === 'stream.started', 30_000)
    expect(workerPids(id)).toHaveLength(1)
  }, 60_000)
})
