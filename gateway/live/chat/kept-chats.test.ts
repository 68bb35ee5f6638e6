import { afterAll, beforeAll, expect, it } from 'vitest'

import { newUuid } from '../../../shared/ids.ts'
import { refuseWrites } from '../../testing/refuse-writes.ts'
import { startTestGateway, type Json, type TestGateway } from '../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'
import { deleteUnkeptEntries } from './delete-unkept-entries.ts'

let gateway: TestGateway
let owner: TestUser
beforeAll(async () => {
  gateway = await startTestGateway()
  owner = await signUp(gateway.api, 'owner-of-all')
})
afterAll(() => gateway[Symbol.asyncDispose]())

const api = (method: string, path: string, body?: unknown) => gateway.api(method, `/api/v1${path}`, body, owner.headers)

const BEGIN_MS = Date.UTC(2026, 0, 1)
const at = (sec: number) => new Date(BEGIN_MS + sec * 1000).toISOString()

/** Makes a broadcast that was on the air from second 0 to 4, and again from 100 to 104, with messages at moments. */
async function createEnded(messages: readonly number[], more: object = {}): Promise<string> {
  const { stream_id: id } = (await api('POST', '/streams', { title: 'A show', ...more })).json
  const { sql } = gateway.database
  await sql`update streams set state = 'ended', started_at = ${at(0)}, ended_at = ${at(104)}, closed_at = ${at(105)},
    next_seq = 4 where stream_id = ${id}`
  await sql`insert into encoder_runs (stream_id, epoch, run, discontinuity, session, rungs)
    values (${id}, 1, 1, 0, ${newUuid()}, '[]')`
  for (const [seq, sec] of [0, 2, 100, 102].entries()) {
    await sql`insert into stream_segments
      (stream_id, seq, epoch, run, n, duration_sec, program_date_time, frames, bytes)
      values (${id}, ${seq}, 1, 1, ${seq}, 2, ${at(sec)}, 60, '{1}')`
  }
  await sql`insert into chat_rooms (stream_id, last_seq) values (${id}, ${messages.length})`
  for (const [i, sec] of messages.entries()) {
    await sql`insert into chat_entries (stream_id, seq, entry_id, kind, user_id, role, text, created_at)
      values (${id}, ${i + 1}, ${newUuid()}, 'message', ${owner.user.user_id}, 'owner', ${`at ${sec}`}, ${at(sec)})`
  }
  return id
}

async function createArchive(streamId: string): Promise<string> {
  const archiveId = newUuid()
  await gateway.database.sql`insert into archives (archive_id, stream_id, user_id, title, visibility, status)
    values (${archiveId}, ${streamId}, ${owner.user.user_id}, 'A show', 'public', 'ready')`
  return archiveId
}

it('the messages of a recording come in step with its picture, without the gap of a lost encoder', async () => {
  const id = await createEnded([-50, 0.5, 3, 50, 101, 103.5])
  const archive = await createArchive(id)
  const read = async (query = '') => (await api('GET', `/archives/${archive}/messages${query}`)).json
  const offsetsOf = ({ messages }: Json) => messages.map(({ text, offset }: Json) => [text, offset])
  expect(offsetsOf(await read())).toEqual([
    ['at 0.5', 0.5],
    ['at 3', 3],
    ['at 50', 4],
    ['at 101', 5],
    ['at 103.5', 7.5],
  ])
  expect(offsetsOf(await read('?from=4.5'))).toEqual([
    ['at 101', 5],
    ['at 103.5', 7.5],
  ])
  const first = await read('?limit=2')
  expect(offsetsOf(await read(`?limit=2&cursor=${first.next_cursor}`))).toEqual([
    ['at 50', 4],
    ['at 101', 5],
  ])
  expect((await api('GET', `/archives/${archive}`)).json.has_chat).toBe(true)
  expect((await api('GET', `/archives/${archive}/messages?from=-1`)).status).toBe(400)
  expect((await api('GET', `/streams/${id}/messages`)).json.messages).toEqual([])
  await api('PATCH', `/streams/${id}`, { chat_replay: false })
  expect((await read()).messages).toEqual([])
  expect((await api('GET', `/archives/${archive}`)).json.has_chat).toBe(false)
})

it('messages that have left the live chat are deleted, unless they are kept with a recording', async () => {
  const [kept, unwanted, unrecorded] = [
    await createEnded([1, 2]),
    await createEnded([1, 2], { chat_replay: false }),
    await createEnded([1, 2], { record: false }),
  ]
  await createArchive(kept)
  await createArchive(unwanted)
  const { stream_id: live } = (await api('POST', '/streams', { title: 'Now' })).json
  await api('POST', `/streams/${live}/messages`, { text: 'new' })
  await deleteUnkeptEntries(gateway.gateway.context)
  const left = await gateway.database.sql`select stream_id, count(*)::int as n from chat_entries
    where stream_id in (${kept}, ${unwanted}, ${unrecorded}, ${live}) group by stream_id`
  expect(new Map(left.map((row) => [row['stream_id'], row['n']]))).toEqual(
    new Map([
      [kept, 2],
      [live, 1],
    ]),
  )
})

it('a chat whose messages cannot be deleted holds up no other one', async () => {
  const [broken, fine] = [await createEnded([1], { record: false }), await createEnded([1], { record: false })]
  await using _refused = await refuseWrites(gateway.database.sql, {
    operation: 'delete',
    table: 'chat_entries',
    condition: `old.stream_id = '${broken}'`,
  })
  await expect(deleteUnkeptEntries(gateway.gateway.context)).rejects.toThrow('Failed query')
  const left = await gateway.database.sql`select stream_id from chat_entries where stream_id in (${broken}, ${fine})`
  expect(left).toEqual([{ stream_id: broken }])
})

it('a chat whose last author has deleted the account is cleaned up once', async () => {
  const id = await createEnded([1, 2], { chat_replay: false })
  await createArchive(id)
  await gateway.database.sql`delete from chat_entries where stream_id = ${id} and seq = 2`
  await deleteUnkeptEntries(gateway.gateway.context)
  const [room] = await gateway.database.sql`select last_seq, deleted_seq from chat_rooms where stream_id = ${id}`
  expect(room?.['deleted_seq']).toBe(room?.['last_seq'])
})
