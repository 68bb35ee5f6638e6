import { afterAll, beforeAll, expect, it } from 'vitest'

import { newEventId } from '../../../shared/ids.ts'
import { explainStatement, locksRowsOnce, recordStatements } from '../../testing/examine-statements.ts'
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.ts'
import { insertEvents, listEvents, listPending, recordDelivered, takeDueLanes } from './events.ts'
import { deleteLane, redirectPending } from './lanes.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

function newEvents(...bodies: readonly string[]) {
  const common = {
    eventType: 'alert.blackout',
    url: 'http://127.0.0.1:9/hook?a="ü"',
    traceparent: null,
    signingKeyId: null,
  } as const
  return bodies.map((body) => ({ ...common, eventId: newEventId(), body, policy: 'strict' as const }))
}

it('events are numbered on in their order, and keep their bytes', async () => {
  const { db } = database
  const bodies = ['{"a":"\\u0000 \\ud800 ü \\" \\\\"}', '{"b":1}', `{"long":"${'x'.repeat(5000)}"}`]
  const [first, second] = [newEvents(...bodies), newEvents('{}')]
  for (const events of [first, second]) await db.transaction((tx) => insertEvents(tx, 'mon-bytes', events))
  const pending = await listPending(db, 'mon-bytes')
  expect(pending).toMatchObject([...first, ...second].map((event, i) => ({ ...event, seq: i + 1, status: 'pending' })))
})

it('accepted events of several lanes are recorded, except that of a lane which another gateway has taken', async () => {
  const { db, sql } = database
  const lanes = ['mon-kept-1', 'mon-lost', 'mon-kept-2']
  for (const subject of lanes) await db.transaction((tx) => insertEvents(tx, subject, newEvents('{}', '{}', '{}')))
  await takeDueLanes(db, { owner: 'this', busy: [], limit: 10 })
  await sql`update outbox_lanes set locked_by = 'other' where subject = 'mon-lost'`
  const pending = await Promise.all(lanes.map((subject) => listPending(db, subject)))
  const [one = [], lost = [], two = []] = pending
  const accepted = [...one.slice(0, 1), ...lost.slice(0, 1), ...two.slice(0, 2)]
  expect(await recordDelivered(db, 'this', accepted)).toEqual([true, false, true, true])
  const states = await Promise.all(
    lanes.map(async (subject) => (await listEvents(db, subject, 10, 10)).map((event) => event.status).toReversed()),
  )
  expect(states).toEqual([
    ['delivered', 'pending', 'pending'],
    ['pending', 'pending', 'pending'],
    ['delivered', 'delivered', 'pending'],
  ])
  const rows = await sql`select subject, pending from outbox_lanes where subject = any(${lanes}) order by subject`
  expect(rows.map((row) => row['pending'])).toEqual([2, 1, 3])
})

it('no more lanes are taken than were requested, whatever the plan', async () => {
  const { db, statements } = recordStatements(database.sql)
  await takeDueLanes(db, { owner: 'this', busy: ['mon-busy'], limit: 1 })
  expect(statements).toHaveLength(1)
  for (const statement of statements) {
    expect(locksRowsOnce(await explainStatement(database.sql, statement, 'force_custom_plan'))).toBe(true)
  }
})

it('what waits in a lane goes to another receiver, and to none once the lane is deleted', async () => {
  const { db } = database
  for (const subject of ['mon-moved', 'mon-other']) {
    await db.transaction((tx) => insertEvents(tx, subject, newEvents('{"a":1}', '{"b":2}')))
  }
  await takeDueLanes(db, { owner: 'this', busy: [], limit: 10 })
  const [first] = await listPending(db, 'mon-moved')
  await recordDelivered(db, 'this', [{ subject: 'mon-moved', eventId: first?.eventId ?? '' }])
  const address = { url: 'http://127.0.0.1:9/other', signingKeyId: 'key-2' }
  await db.transaction((tx) => redirectPending(tx, 'mon-moved', address))
  const [waiting, delivered] = await listEvents(db, 'mon-moved', 10, 10)
  expect(waiting).toMatchObject({ ...address, body: '{"b":2}', status: 'pending' })
  expect(delivered).toMatchObject({ url: first?.url, signingKeyId: null })
  await db.transaction((tx) => deleteLane(tx, 'mon-moved'))
  expect(await listEvents(db, 'mon-moved', 10, 10)).toEqual([])
  expect(await takeDueLanes(db, { owner: 'this', busy: [], limit: 10 })).not.toContain('mon-moved')
  // A gateway may record an attempt that began before the lane was deleted.
  expect(await recordDelivered(db, 'this', [{ subject: 'mon-moved', eventId: waiting?.eventId ?? '' }])).toEqual([
    false,
  ])
  expect(await listEvents(db, 'mon-other', 10, 10)).toHaveLength(2)
  await db.transaction((tx) => insertEvents(tx, 'mon-moved', newEvents('{}')))
  expect(await listPending(db, 'mon-moved')).toMatchObject([{ seq: 1 }])
})
