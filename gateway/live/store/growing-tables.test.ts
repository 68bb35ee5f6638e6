import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { newUuid } from '../../../shared/ids.ts'
import { createTransact } from '../../adapters/postgres/transact.ts'
import type { Tx } from '../../ports/database.ts'
import {
  explainStatement,
  findGrowingScans,
  locksRowsOnce,
  recordStatements,
  type SentStatement,
} from '../../testing/examine-statements.ts'
import { seedPast } from '../../testing/seed-past.ts'
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.ts'
import { listSoon, listMissed, lockOpenAnnouncement } from './announcements.ts'
import { readArchivePage } from './archives.ts'
import { listUnfinishedClips, readClipPage } from './clips.ts'
import { readStreamPage } from './listed-streams.ts'
import { findStream } from './streams.ts'
import * as broadcasts from './streams.ts'
import { listUnrecordedOnAir, markCooled } from './stored-streams.ts'
import { countViewers, recordViewerMinutes } from './viewers.ts'
import { listUnwatched, recordMonitor, releaseMonitorsOfEnded, takeUnneeded } from './watched-streams.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await seedPast(database.sql)
})
afterAll(() => database[Symbol.asyncDispose]())

/** Returns the statements that some work sends in a transaction. */
async function sentBy(work: (tx: Tx) => Promise<unknown>): Promise<readonly SentStatement[]> {
  const { db, statements } = recordStatements(database.sql)
  await createTransact(db)(work)
  return statements
}

const LISTED = { category: undefined, text: undefined, streamId: undefined, before: null, limit: 20 }
const SESSIONS = [randomUUID()]
const FACTS = { session: randomUUID(), silent_ms: 0, facts: {} as never }

test.each<[string, (tx: Tx) => Promise<unknown>]>([
  ['reads the broadcasts without a monitor', (tx) => listUnwatched(tx, 30)],
  ['releases the monitors of ended broadcasts', (tx) => releaseMonitorsOfEnded(tx)],
  ['ends the broadcasts whose encoder stays away', (tx) => broadcasts.endPastWindow(tx, 90, 'away')],
  ['ends the broadcasts that are too long', (tx) => broadcasts.endTooLong(tx, 3600, 'long')],
  ['finds the encoders that no worker reports', (tx) => broadcasts.loseUnseenEncoders(tx, 10)],
  ['loses the encoders of an ingest worker', (tx) => broadcasts.loseEncodersOf(tx, 'ingest-0')],
  ['loses encoders', (tx) => broadcasts.loseEncoders(tx, SESSIONS)],
  ['records that encoders are silent', (tx) => broadcasts.markSilent(tx, SESSIONS)],
  ['records that encoders send', (tx) => broadcasts.markSending(tx, SESSIONS)],
  ['records what an ingest worker has measured', (tx) => broadcasts.recordPublishers(tx, [FACTS])],
  ['reads the broadcasts to close', (tx) => broadcasts.listUnclosed(tx, { encodeSec: 30, storeSec: 900 })],
  ['reads the broadcasts on the air without a recording', (tx) => listUnrecordedOnAir(tx)],
  ['reads the unfinished clips', (tx) => listUnfinishedClips(tx, 10)],
  ['counts viewers', (tx) => countViewers(tx)],
  ['records viewers', (tx) => recordViewerMinutes(tx)],
  ['reads the planned broadcasts that begin soon', (tx) => listSoon(tx, 200)],
  ['reads the planned broadcasts that are late', (tx) => listMissed(tx, 200)],
  ['reads the next announcement', (tx) => lockOpenAnnouncement(tx)],
])('the periodic work that %s reads nothing that grows with the past', async (_name, work) => {
  const statements = await sentBy(work)
  expect(statements.length).toBeGreaterThan(0)
  for (const statement of statements) {
    expect([statement.text, await findGrowingScans(database.sql, statement, 'force_custom_plan')]).toEqual([
      statement.text,
      [],
    ])
  }
})

test.each<[string, (tx: Tx, user: string) => Promise<unknown>]>([
  ['broadcasts', (tx, user) => readStreamPage(tx, { ...LISTED, states: ['ended'], user }, null)],
  ['recordings', (tx, user) => readArchivePage(tx, { ...LISTED, user }, null)],
  ['clips', (tx, user) => readClipPage(tx, { ...LISTED, user }, null)],
])('the %s of a channel are found without reading those of others, by its name and by its id', async (_name, read) => {
  for (const user of ['User-7', newUuid()]) {
    for (const statement of await sentBy((tx) => read(tx, user))) {
      expect(await findGrowingScans(database.sql, statement, 'force_custom_plan')).toEqual([])
    }
  }
})

test.each<[string, (tx: Tx) => Promise<unknown>]>([
  ['monitors that are not needed', (tx) => takeUnneeded(tx, 30)],
  ['recordings to cool', (tx) => markCooled(tx, 60, 10)],
])('no more %s are taken than a batch, whatever the plan', async (_name, take) => {
  for (const statement of await sentBy(take)) {
    expect(locksRowsOnce(await explainStatement(database.sql, statement, 'force_custom_plan'))).toBe(true)
  }
})

test('the broadcast of a monitor is found without reading the others', async () => {
  const [row] = await database.sql<{ id: string }[]>`select stream_id as id from streams limit 1`
  const found = await findStream(recordStatements(database.sql).db, row?.id ?? '')
  if (found === null) throw new Error('there is no broadcast')
  const statements = await sentBy((tx) => recordMonitor(tx, found.stream, { monitorId: 'mon-1', isNew: true }))
  for (const statement of statements) {
    expect(await findGrowingScans(database.sql, statement, 'force_custom_plan')).toEqual([])
  }
})
