import { setTimeout as wait } from 'node:timers/promises'

import { afterAll, beforeAll, describe, it } from 'vitest'

import type { Clip } from '../../worker/testing/media.ts'
import { workerPids } from '../testing/processes.ts'
import { createTestDatabase } from '../testing/test-database.ts'
import { killPostgres, until } from '../testing/whole-system.ts'
import { blackoutTold, CONFIG, createWorld, expectWholeStory, makeScenario, watch } from '../testing/world.ts'

let clip: Clip
beforeAll(async () => {
  clip = await makeScenario()
})
afterAll(() => clip[Symbol.asyncDispose]())

describe.concurrent('in the middle of a blackout', () => {
  it('kill -9 of the worker changes nothing that is told', async ({ expect }) => {
    await using world = await createWorld(clip)
    const id = await watch(world)
    await blackoutTold(world)
    const [pid = 0] = workerPids(id)
    process.kill(pid, 'SIGKILL')
    await until(() => workerPids(id).some((other) => other !== pid), 'another worker is there')
    await expectWholeStory(expect, world, id)
  }, 120_000)

  it('kill -9 of the gateway changes nothing that is told', async ({ expect }) => {
    await using world = await createWorld(clip)
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
    await using world = await createWorld(clip)
    const id = await watch(world)
    await blackoutTold(world)
    await killPostgres(world)
    await expectWholeStory(expect, world, id)
  }, 120_000)

  it('SIGTERM of the gateway hands over to the next one', async ({ expect }) => {
    await using world = await createWorld(clip)
    const id = await watch(world)
    await blackoutTold(world)
    world.gateway().kill('SIGTERM')
    await world.gateway().exited
    expect(workerPids(id)).toEqual([])
    await world.startGateway()
    await expectWholeStory(expect, world, id)
  }, 120_000)
})

describe.concurrent('of two gateways on one database', () => {
  it('one that is restarted leaves its monitors to the other, which answers all the while', async ({ expect }) => {
    await using database = await createTestDatabase()
    await using one = await createWorld(clip, { DATABASE_URL: database.url })
    await using two = await createWorld(clip, { DATABASE_URL: database.url })
    const id = await watch(one)
    await blackoutTold(one)
    const [pid] = workerPids(id)
    one.gateway().kill('SIGTERM')
    const answers: number[] = []
    const isGone = one.gateway().exited.then(() => true)
    while (!(await Promise.race([isGone, wait(50, false)])))
      answers.push((await two.api('GET', '/api/v1/monitors')).status)
    expect(new Set(answers)).toEqual(new Set([200]))
    await until(() => workerPids(id).some((other) => other !== pid), 'the other gateway has launched a worker', 40_000)
    await one.startGateway()
    await expectWholeStory(expect, one, id)
  }, 120_000)
})

describe('a gateway killed around a POST', () => {
  it('has one record and one worker afterwards, and gives the same Idempotency-Key the same answer', async ({
    expect,
  }) => {
    await using world = await createWorld(clip)
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
