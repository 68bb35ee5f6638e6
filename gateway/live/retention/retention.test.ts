import { afterAll, beforeAll, expect, test } from 'vitest'

import { newUuid } from '../../../shared/ids.ts'
import { until } from '../../../shared/testing/until.ts'
import { refuseWrites } from '../../testing/refuse-writes.ts'
import { startTestGateway, TEST_KEYS, type TestGateway } from '../../testing/test-gateway.ts'
import {
  claimBroadcast,
  openIngest,
  claimStorage,
  reportArchive,
  signUp,
  type SimulatedEncoder,
  type SimulatedIngest,
  type TestUser,
} from '../testing/live-gateway.ts'

let gateway: TestGateway
let ingest: SimulatedIngest
beforeAll(async () => {
  const env = { INGEST_WORKERS: '1', STORAGE_TYPE: 's3', ARCHIVE_RETENTION_DAYS: '100', LIVE_STORAGE_QUOTA_GB: '1' }
  gateway = await startTestGateway({ env })
  ingest = await openIngest(gateway)
})
afterAll(() => gateway[Symbol.asyncDispose]())

const as = (who: TestUser, method: string, path: string, body?: unknown) =>
  gateway.api(method, `/api/v1${path}`, body, who.headers)
const tick = () =>
  gateway.api('POST', '/internal/v1/tick', undefined, { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY })

/** Segments of one report. */
const MOST_SEGMENTS = 50

type TestBroadcast = { readonly id: string; readonly session: string; readonly encoder: SimulatedEncoder }

async function broadcast(owner: TestUser, segments: number, more: object = {}): Promise<TestBroadcast> {
  const { json } = await as(owner, 'POST', '/streams', { title: 'A show', ...more })
  const { session } = await ingest.publish(json.stream_key)
  const encoder = await claimBroadcast(gateway.url, json.stream_id)
  for (let n = 0; n < segments; n += MOST_SEGMENTS) await encoder.encode(session, Math.min(MOST_SEGMENTS, segments - n))
  return { id: json.stream_id, session, encoder }
}

/** Ends a broadcast; returns the id of its recording, or `undefined`. */
async function end(owner: TestUser, { id, session, encoder }: TestBroadcast): Promise<string | undefined> {
  await as(owner, 'PUT', `/streams/${id}/end`)
  await encoder.report({ finished_session: session })
  const { archives } = (await as(owner, 'GET', '/archives')).json
  return archives.find((one: { stream_id: string }) => one.stream_id === id)?.archive_id
}

/** Returns the planned tasks on the files of a broadcast, without their ids. */
const tasksOf = (id: string) => gateway.database.sql`
  select names, storage_class, due_at > now() as is_later from storage_tasks
  where folder = ${`live/${id}/`} order by due_at`

const REMOVED_TWICE = [
  { names: null, storage_class: null, is_later: false },
  { names: null, storage_class: null, is_later: true },
]

/** Runs the periodic work until the planned tasks on the files of a broadcast are as expected. */
async function expectTasks(id: string, tasks: readonly object[]): Promise<void> {
  await expect
    .poll(async () => {
      await tick()
      return tasksOf(id)
    })
    .toEqual(tasks)
}

test('a deleted recording leaves an entry of its broadcast that cannot be played, and its files are removed', async () => {
  const owner = await signUp(gateway.api, 'deleting')
  const shown = await broadcast(owner, 2)
  const archive = await end(owner, shown)
  expect((await fetch(`${gateway.url}/live/${shown.id}/master.m3u8`)).status).toBe(200)
  expect((await as(owner, 'DELETE', `/archives/${archive}`)).status).toBe(204)
  expect((await as(owner, 'GET', `/streams/${shown.id}`)).json).toMatchObject({ state: 'ended', playback_url: null })
  await expect.poll(async () => (await fetch(`${gateway.url}/live/${shown.id}/master.m3u8`)).status).toBe(404)
  expect(await tasksOf(shown.id)).toEqual(REMOVED_TWICE)
})

test('what is done is forgotten, and what failed is tried again later', async () => {
  const owner = await signUp(gateway.api, 'cleaning')
  const shown = await broadcast(owner, 1)
  await as(owner, 'DELETE', `/streams/${shown.id}`)
  await expect
    .poll(async () => {
      await tick()
      const running = await gateway.gateway.context.launcher.list(AbortSignal.timeout(1000))
      return running.map(({ name }) => name)
    })
    .toContain('storage-0')
  const worker = await claimStorage(gateway.url)
  const isOwn = ({ folder }: { folder: string }) => folder === `live/${shown.id}/`
  expect(worker.tasks.filter(isOwn)).toEqual([expect.objectContaining({ action: 'remove_folder' })])
  const results = worker.tasks.map((task) => ({ task_id: task.task_id, problem: isOwn(task) ? 'STORE_REFUSED' : null }))
  expect((await worker.report(results)).json).toEqual({ duplicate: false })
  const [failed] = await gateway.database.sql`
    select tries, problem, due_at > now() as is_later from storage_tasks where tries > 0`
  expect(failed).toEqual({ tries: 1, problem: 'STORE_REFUSED', is_later: true })
  const done = results.filter(({ problem }) => problem === null).map(({ task_id: id }) => id)
  expect(await gateway.database.sql`select 1 from storage_tasks where task_id = any(${done}::uuid[])`).toEqual([])
})

test('the files of a deleted account are removed', async () => {
  const owner = await signUp(gateway.api, 'leaving')
  await signUp(gateway.api, 'staying')
  const [ended, onAir] = [await broadcast(owner, 1), await broadcast(owner, 1)]
  await end(owner, ended)
  await gateway.database.sql`update users set role = 'user' where user_id = ${owner.user.user_id}`
  const body = { password: 'correct horse battery' }
  expect((await as(owner, 'DELETE', `/users/${owner.user.user_id}`, body)).status).toBe(204)
  for (const { id } of [ended, onAir]) expect(await tasksOf(id)).toEqual(REMOVED_TWICE)
})

test('an old recording becomes cold, and expires later', async () => {
  const owner = await signUp(gateway.api, 'keeping')
  const shown = await broadcast(owner, 1)
  const archive = await end(owner, shown)
  const age = (days: number) => gateway.database.sql`
    update archives set status = 'ready', created_at = now() - make_interval(days => ${days})
    where archive_id = ${archive ?? ''}`
  await age(91)
  await expectTasks(shown.id, [{ names: null, storage_class: 'STANDARD_IA', is_later: false }])
  await age(101)
  await expectTasks(shown.id, REMOVED_TWICE)
  // What is known of it is kept, and listed for its owner.
  const expired = (await as(owner, 'GET', `/archives/${archive}`)).json
  expect(expired).toMatchObject({ title: 'A show', playback_url: null, download_url: null, poster_url: null })
  expect(expired).toMatchObject({ status: 'ready', duration: 2, expired_at: expect.any(String) })
  const other = await signUp(gateway.api, 'looking')
  const listed = async (who: TestUser) =>
    (await as(who, 'GET', '/archives?user=keeping')).json.archives.map((one: { archive_id: string }) => one.archive_id)
  expect([await listed(owner), await listed(other)]).toEqual([[archive], []])
  await tick()
  expect(await tasksOf(shown.id)).toEqual(REMOVED_TWICE)
  expect((await as(owner, 'GET', `/streams/${shown.id}`)).json).toMatchObject({ title: 'A show', peak_viewers: 0 })
})

test('without a recording, segments go once they are behind the window, and all of them some time after the end', async () => {
  const owner = await signUp(gateway.api, 'passing')
  const shown = await broadcast(owner, 330, { record: false, dvr_sec: 0 })
  // 30 s of window and 600 s of margin are 315 segments before the newest one.
  const names = Array.from({ length: 14 }, (_, n) => [`1/360/${n}.m4s`, `1/240/${n}.m4s`]).flat()
  await expectTasks(shown.id, [{ names: expect.arrayContaining(names), storage_class: null, is_later: false }])
  const [task] = await tasksOf(shown.id)
  expect(task?.['names']).toHaveLength(names.length)
  const [row] = await gateway.database.sql`select stored_bytes from streams where stream_id = ${shown.id}`
  expect(Number(row?.['stored_bytes'])).toBe((330 - 14) * 2000)
  expect(await end(owner, shown)).toBeUndefined()
  await gateway.database.sql`update streams set closed_at = now() - interval '11 min' where stream_id = ${shown.id}`
  await expectTasks(shown.id, REMOVED_TWICE)
})

test('a clip that is ordered while the files of its broadcast are about to be removed keeps them', async () => {
  const owner = await signUp(gateway.api, 'clipping')
  const shown = await broadcast(owner, 30, { record: false })
  await end(owner, shown)
  const { sql } = gateway.database
  await sql`update streams set closed_at = now() - interval '11 min' where stream_id = ${shown.id}`
  const run = await sql.begin(async (tx) => {
    await tx`set local idle_in_transaction_session_timeout = 0`
    await tx`select from streams where stream_id = ${shown.id} for update`
    await tx`
      insert into clips (clip_id, stream_id, maker_id, title, status, first_seq, last_seq, start_sec, duration)
      values (${newUuid()}, ${shown.id}, ${owner.user.user_id}, 'A clip', 'processing', 20, 29, 0, 20)`
    const ticking = tick()
    await until(async () => {
      const waiting = await sql`
        select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return waiting.length > 0
    }, 'retention waits for the broadcast')
    return { ticking }
  })
  await run.ticking
  const [stored] = await sql`select count(*)::int as n from stream_segments where stream_id = ${shown.id}`
  expect([stored, await tasksOf(shown.id)]).toEqual([{ n: 30 }, []])
})

test('a broadcast whose files cannot be removed holds up no other one', async () => {
  const owner = await signUp(gateway.api, 'failing')
  const [broken, fine] = [await broadcast(owner, 1, { record: false }), await broadcast(owner, 1, { record: false })]
  for (const shown of [broken, fine]) await end(owner, shown)
  const { sql } = gateway.database
  await using _refused = await refuseWrites(sql, {
    operation: 'update',
    table: 'streams',
    condition: `new.discarded_at is not null and new.stream_id = '${broken.id}'`,
  })
  await sql`
    update streams set closed_at = now() - make_interval(mins => case when stream_id = ${broken.id} then 12 else 11 end)
    where stream_id in (${broken.id}, ${fine.id})`
  await expectTasks(fine.id, REMOVED_TWICE)
  expect(await tasksOf(broken.id)).toEqual([])
})

test('with a full storage a broadcast goes on the air without a recording, and no new one may have one', async () => {
  const owner = await signUp(gateway.api, 'hoarding')
  const { json: planned } = await as(owner, 'POST', '/streams', { title: 'Planned' })
  const shown = await broadcast(owner, 1)
  await gateway.database.sql`update streams set stored_bytes = 1000000000 where stream_id = ${shown.id}`
  const refused = await as(owner, 'POST', '/streams', { title: 'Another' })
  expect([refused.status, refused.json.error.code]).toEqual([409, 'STORAGE_FULL'])
  expect(refused.json.error.message).toContain('record')
  expect((await as(owner, 'POST', '/streams', { title: 'Another', record: false })).status).toBe(201)
  expect((await ingest.publish(planned.stream_key)).answer.status).toBe(200)
  const { json } = await as(owner, 'GET', `/streams/${planned.stream_id}`)
  expect(json).toMatchObject({ state: 'live', record: false, is_out_of_room: true })
  expect((await as(owner, 'PATCH', `/streams/${planned.stream_id}`, { record: true })).status).toBe(409)
  await end(owner, shown)
  await as(owner, 'DELETE', `/streams/${shown.id}`)
  const again = await as(owner, 'PATCH', `/streams/${planned.stream_id}`, { record: true })
  expect(again.json).toMatchObject({ record: true, is_out_of_room: false })
})

test('a recording has a chapter from each title of its broadcast on', async () => {
  const owner = await signUp(gateway.api, 'renaming')
  const shown = await broadcast(owner, 10)
  for (const title of ['Second <part>', 'Third']) await as(owner, 'PATCH', `/streams/${shown.id}`, { title })
  const { sql } = gateway.database
  // The segments of a test are of another year.
  await sql`
    update stream_titles t set since = begun.at + make_interval(secs => numbered.sec)
    from (select min(program_date_time) as at from stream_segments where stream_id = ${shown.id}) begun,
      (select since, (array[0, 5.5, 12])[row_number() over (order by since)] as sec from stream_titles
        where stream_id = ${shown.id}) numbered
    where t.stream_id = ${shown.id} and t.since = numbered.since`
  const archive = await end(owner, shown)
  expect((await as(owner, 'GET', `/archives/${archive}`)).json.chapters).toEqual([
    { start: 0, title: 'A show' },
    { start: 5.5, title: 'Second <part>' },
    { start: 12, title: 'Third' },
  ])
  const file = await gateway.api('GET', `/api/v1/archives/${archive}/chapters.vtt`)
  expect(file.headers.get('content-type')).toContain('text/vtt')
  expect(file.text).toContain('00:00:05.500 --> 00:00:12.000\nSecond &lt;part&gt;\n')
})

test('a recording with a missing segment has failed with the reason, and plays what is there', async () => {
  const owner = await signUp(gateway.api, 'damaging')
  const shown = await broadcast(owner, 3)
  const archive = (await end(owner, shown)) ?? ''
  const read = async () => (await fetch(`${gateway.url}/live/${shown.id}/360.m3u8`)).text()
  expect(await read()).not.toContain('GAP')
  const missing = [`live/${shown.id}/1/360/1.m4s`, 'of another layout']
  const outcome = { status: 'failed', reason: 'live/…/1.m4s is missing', missing }
  expect((await reportArchive(gateway.url, archive, outcome)).json).toEqual({ duplicate: false })
  expect((await as(owner, 'GET', `/archives/${archive}`)).json).toMatchObject({
    status: 'failed',
    error: outcome.reason,
    playback_url: expect.stringContaining(shown.id),
  })
  await expect.poll(read).toMatch(/0\.m4s\n#EXTINF:2\.00000,\n#EXT-X-GAP\n\S+\/1\.m4s\n#EXTINF:2\.00000,\n\S+\/2\.m4s/)
})
