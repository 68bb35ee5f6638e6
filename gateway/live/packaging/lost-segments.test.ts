import { afterAll, beforeAll, expect, it } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { broadcastIdOf } from '../broadcast-worker.ts'
import { listUnclosed } from '../store/streams.ts'
import {
  claimBroadcast,
  openIngest,
  signUp,
  type SimulatedEncoder,
  type SimulatedIngest,
  type TestUser,
} from '../testing/live-gateway.ts'
import { endLostBroadcast } from './end-lost-broadcast.ts'

let gateway: TestGateway
let owner: TestUser
let ingest: SimulatedIngest
beforeAll(async () => {
  gateway = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
  owner = await signUp(gateway.api, 'broadcaster')
  ingest = await openIngest(gateway)
})
afterAll(() => gateway[Symbol.asyncDispose]())

const api = (method: string, path: string, body?: unknown) => gateway.api(method, `/api/v1${path}`, body, owner.headers)

/** Puts a broadcast on the air, with two segments. */
async function startBroadcast(): Promise<{ id: string; session: string; encoder: SimulatedEncoder }> {
  const { json } = await api('POST', '/streams', { title: 'A show' })
  const { session } = await ingest.publish(json.stream_key)
  const encoder = await claimBroadcast(gateway.url, json.stream_id)
  await encoder.encode(session, 2)
  return { id: json.stream_id, session, encoder }
}

const TIMES = { encodeSec: 30, storeSec: 900 }

/** Makes the end of a broadcast, and its last segment, so much earlier. */
async function moveBack(id: string, interval: string): Promise<void> {
  await gateway.database.sql`
    update streams set ended_at = now() - ${interval}::interval, segment_seen_at = now() - ${interval}::interval
    where stream_id = ${id}`
}

async function archiveOf(id: string) {
  const { archives } = (await api('GET', '/archives')).json
  return archives.find((one: { stream_id: string }) => one.stream_id === id)
}

it('a segment that could not be stored is a gap of the playlist, which players skip', async () => {
  const { id, session, encoder } = await startBroadcast()
  await encoder.encode(session, 1, { isMissing: true })
  await encoder.encode(session, 1)
  const text = await (await fetch(`${gateway.url}/live/${id}/360.m3u8`)).text()
  const files = text.split('\n').filter((line) => /^#EXT-X-GAP|^[^#].*m4s$/.test(line))
  expect(files.map((line) => line.replace(/^.*\//, ''))).toEqual(['0.m4s', '1.m4s', '#EXT-X-GAP', '2.m4s', '3.m4s'])
  const [row] = await gateway.database.sql`select stored_bytes from streams where stream_id = ${id}`
  expect(Number(row?.['stored_bytes'])).toBe(3 * 2 * 1000)
})

it('a broadcast that has ended waits for segments that are not stored yet; its recording says that they are lost', async () => {
  const { id, session, encoder } = await startBroadcast()
  const health = { lag_sec: 0, is_top_rung_dropped: false, is_passed_through: true }
  await encoder.report({ health: { ...health, problem: 'the disk is full', waiting_segments: 2 } })
  await api('PUT', `/streams/${id}/end`)
  const { sql, db } = gateway.database
  await moveBack(id, '1 min')
  expect(await listUnclosed(db, TIMES)).not.toContain(id)
  expect(await encoder.encode(session, 1)).toMatchObject({ is_over: false })
  await encoder.report({ health: { ...health, problem: 'the disk is full', waiting_segments: 1 } })
  await moveBack(id, '16 min')
  await until(async () => (await archiveOf(id)) !== undefined, 'the broadcast is closed')
  expect(await archiveOf(id)).toMatchObject({
    status: 'failed',
    error: 'its end could not be stored: the disk is full',
    duration: 6,
    playback_url: `/live/${id}/master.m3u8`,
  })
  const workers = await sql`select from assignments where kind = 'archive' and ended_at is null`
  expect(workers).toHaveLength(0)
})

it('a broadcast that has ended is not closed while segments come in', async () => {
  const { id, session, encoder } = await startBroadcast()
  await api('PUT', `/streams/${id}/end`)
  await moveBack(id, '1 min')
  const { db } = gateway.database
  expect(await listUnclosed(db, TIMES)).toContain(id)
  await encoder.encode(session, 1)
  expect(await listUnclosed(db, TIMES)).not.toContain(id)
})

it('a broadcast that is closed before its last session is stored to its end has no shorter film', async () => {
  const { id } = await startBroadcast()
  await api('PUT', `/streams/${id}/end`)
  await moveBack(id, '3 min')
  await until(async () => (await archiveOf(id)) !== undefined, 'the broadcast is closed')
  const error = 'its end could not be stored: its worker is gone, or too slow'
  expect(await archiveOf(id)).toMatchObject({ status: 'failed', error, duration: 4 })
})

it('a broadcast whose worker has failed too often has no shorter film', async () => {
  const { id } = await startBroadcast()
  const loss = { exitCode: 137, terminationReason: 'OOMKilled', message: 'Killed', workerName: '' } as const
  await gateway.database.db.transaction((tx) =>
    endLostBroadcast(tx, broadcastIdOf(id), { ...loss, observedState: 'failed' }),
  )
  const error = 'it could not be encoded: OOMKilled: Killed'
  expect(await archiveOf(id)).toMatchObject({ status: 'failed', error, duration: 4 })
})

it('a broadcast whose last session was stored to its end is closed as soon as it ends, also by a further worker', async () => {
  const { id, session, encoder } = await startBroadcast()
  await ingest.report(id, [{ session, ended: 'the encoder disconnected' }])
  await encoder.report({ finished_session: session })
  const next = await claimBroadcast(gateway.url, id)
  await api('PUT', `/streams/${id}/end`)
  expect((await next.report({})).json).toMatchObject({ is_over: true })
  expect(await archiveOf(id)).toMatchObject({ status: 'processing', duration: 4 })
})

it('what a lost worker may have stored beyond its last report is removed once the recording is complete', async () => {
  const { id, session, encoder } = await startBroadcast()
  const next = await claimBroadcast(gateway.url, id)
  next.beginRun([360, 240])
  await next.encode(session, 1)
  await ingest.report(id, [{ session, ended: 'the encoder disconnected' }])
  await next.report({ finished_session: session })
  const removals = async () => {
    const rows = await gateway.database.sql<{ names: string[] }[]>`
      select names from storage_tasks where folder = ${`live/${id}/`} order by due_at`
    return rows.map(({ names }) => names)
  }
  await api('PUT', `/streams/${id}/end`)
  await next.report({})
  const [names = [], again] = await removals()
  expect(again).toEqual(names)
  for (const rung of [360, 240]) expect(names).toEqual(expect.arrayContaining([`1/${rung}/2.m4s`, `1/${rung}/9.m4s`]))
  expect(names).toContain('1/360/init-2.mp4')
  // Those of the playlists stay, and all of the worker that has reported to the end.
  expect(names.filter((name) => /^1\/\d+\/(?:[01]\.m4s|init-1\.mp4)$|^2\//.test(name))).toEqual([])
  expect((await encoder.report({})).status).toBe(409)
})

it('a further worker is named the sessions that are not stored to their ends, the oldest first', async () => {
  const { id, session: first, encoder } = await startBroadcast()
  await ingest.report(id, [{ session: first, ended: 'the ingest worker was restarted' }])
  const { stream_key: key } = (await api('POST', `/streams/${id}/key`)).json
  const { session: second } = await ingest.publish(key)
  await encoder.report({})
  const orderOf = async () => {
    const next = await claimBroadcast(gateway.url, id)
    const { source, unfinished_sources: unfinished, known_until: known } = next.claim.order
    const sessions = unfinished.map((one: { session: string }) => one.session)
    return { next, source: source?.session, sessions, known }
  }
  const { next, ...order } = await orderOf()
  expect(order).toEqual({ source: second, sessions: [first, second], known: { session: first, ms: 4000 } })
  await next.report({ finished_session: first })
  const { next: last, ...later } = await orderOf()
  expect(later).toMatchObject({ source: second, sessions: [second] })
  await last.report({ finished_session: second })
  expect(await orderOf()).toMatchObject({ sessions: [] })
})
