import { setTimeout as wait } from 'node:timers/promises'

import { afterAll, beforeAll, describe, it } from 'vitest'

import { createLog } from '../../shared/log.ts'
import type { Clip } from '../../shared/testing/clips.ts'
import { until } from '../../shared/testing/until.ts'
import { connectPostgres } from '../adapters/postgres/connect.ts'
import { findWorkerPids, readParentPid } from '../testing/find-processes.ts'
import { createTestDatabase } from '../testing/test-database.ts'
import { killPostgres } from '../testing/whole-system.ts'
import {
  waitForBlackoutAlert,
  MONITOR_CONFIG,
  startScenarioSystem,
  expectAllEvents,
  makeScenarioClip,
  createMonitor,
} from '../testing/broadcast-scenario.ts'

let clip: Clip
beforeAll(async () => {
  clip = await makeScenarioClip()
})
afterAll(() => clip[Symbol.asyncDispose]())

describe.concurrent('in the middle of a blackout', () => {
  it('kill -9 of the worker changes none of the events', async ({ expect }) => {
    await using world = await startScenarioSystem(clip)
    const id = await createMonitor(world)
    await waitForBlackoutAlert(world)
    const [pid = 0] = findWorkerPids(id)
    process.kill(pid, 'SIGKILL')
    await until(() => findWorkerPids(id).some((other) => other !== pid), 'another worker is there')
    await expectAllEvents(expect, world, id)
  })

  it('kill -9 of the gateway changes none of the events', async ({ expect }) => {
    await using world = await startScenarioSystem(clip, {}, { isEmbedded: true })
    const id = await createMonitor(world)
    await waitForBlackoutAlert(world)
    const [pid] = findWorkerPids(id)
    world.gateway().kill('SIGKILL')
    await world.gateway().exited
    await until(() => findWorkerPids(id).length === 0, 'the orphaned worker has ended by itself')
    await world.startGateway()
    await until(() => findWorkerPids(id).some((other) => other !== pid), 'another worker is there')
    await expectAllEvents(expect, world, id)
  })

  it('kill -9 of Postgres changes none of the events', async ({ expect }) => {
    await using world = await startScenarioSystem(clip, {}, { isEmbedded: true })
    const id = await createMonitor(world)
    await waitForBlackoutAlert(world)
    await killPostgres(world)
    await expectAllEvents(expect, world, id)
  })

  it('SIGTERM of the gateway hands over to the next one', async ({ expect }) => {
    await using world = await startScenarioSystem(clip)
    const id = await createMonitor(world)
    await waitForBlackoutAlert(world)
    world.gateway().kill('SIGTERM')
    await world.gateway().exited
    expect(findWorkerPids(id)).toEqual([])
    await world.startGateway()
    await expectAllEvents(expect, world, id)
  })
})

describe('a gateway killed between the answer of the receiver and its record', () => {
  it('is followed by one that sends the webhook again, with the same id and bytes', async ({ expect }) => {
    let hold = () => Promise.resolve()
    const behaviour = async () => {
      await hold()
      return 204
    }
    await using world = await startScenarioSystem(clip, {}, { behaviour })
    await using database = connectPostgres(world.databaseUrl, createLog('test', 'error', console.error))
    const holder = await database.sql.reserve()
    // Nothing can be recorded of a lane that is locked.
    hold = async () => {
      hold = () => Promise.resolve()
      await holder`begin`
      await holder`select from outbox_lanes for update`
    }
    const id = await createMonitor(world)
    const first = await world.receiver.waitFor(({ payload }) => payload.event_type === 'stream.started')
    const endWaiting = () => database.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query ilike '%delivered_at%'`
    const isRecording = async () =>
      (
        await database.sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
        and query ilike '%delivered_at%'`
      ).length > 0
    await until(isRecording, 'the gateway has the answer, and records it')
    world.gateway().kill('SIGKILL')
    await world.gateway().exited
    await endWaiting()
    await holder`rollback`
    holder.release()
    await world.startGateway()
    const again = await world.receiver.waitFor((delivery) => delivery !== first)
    expect([again.payload.event_id, again.body]).toEqual([first.payload.event_id, first.body])
    await expectAllEvents(expect, world, id)
  })
})

describe.concurrent('of two gateways on one database', () => {
  it('one that is restarted leaves its monitors to the other, which answers all the while', async ({ expect }) => {
    await using database = await createTestDatabase()
    await using one = await startScenarioSystem(clip, { DATABASE_URL: database.url })
    await using two = await startScenarioSystem(clip, { DATABASE_URL: database.url })
    const id = await createMonitor(one)
    await waitForBlackoutAlert(one)
    const [pid = 0] = findWorkerPids(id)
    // Either gateway may have launched the worker.
    const [restarted, other] = readParentPid(pid) === one.gateway().pid ? [one, two] : [two, one]
    restarted.gateway().kill('SIGTERM')
    const answers: number[] = []
    const isGone = restarted.gateway().exited.then(() => true)
    while (!(await Promise.race([isGone, wait(50, false)])))
      answers.push((await other.api('GET', '/api/v1/monitors')).status)
    expect(new Set(answers)).toEqual(new Set([200]))
    await until(() => findWorkerPids(id).some((found) => found !== pid), 'the other gateway has launched a worker')
    await restarted.startGateway()
    await expectAllEvents(expect, one, id)
  })
})

describe('a gateway killed around a POST', () => {
  it('has one record and one worker afterwards, and answers the same Idempotency-Key as before', async ({ expect }) => {
    await using world = await startScenarioSystem(clip)
    const payload = { stream_url: world.simulator.url, callback_url: world.receiver.url, config: MONITOR_CONFIG }
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
    await world.receiver.waitFor(({ payload: told }) => told.event_type === 'stream.started')
    expect(findWorkerPids(id)).toHaveLength(1)
  })
})
