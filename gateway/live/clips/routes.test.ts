import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { newUuid } from '../../../shared/ids.ts'
import { until } from '../../../shared/testing/until.ts'
import { startTestGateway, TEST_KEYS, type TestGateway } from '../../testing/test-gateway.ts'
import {
  claimBroadcast,
  claimClip,
  openIngest,
  claimStorage,
  signUp,
  type SimulatedEncoder,
  type SimulatedIngest,
  type TestUser,
} from '../testing/live-gateway.ts'

/** More than the other tests leave unfinished. */
const CLIP_WORKERS = 12

let gateway: TestGateway
let ingest: SimulatedIngest
let owner: TestUser
let viewer: TestUser
beforeAll(async () => {
  const env = { INGEST_WORKERS: '1', LIVE_STORAGE_QUOTA_GB: '1', CLIP_WORKERS: String(CLIP_WORKERS) }
  gateway = await startTestGateway({ env })
  ingest = await openIngest(gateway)
  ;[owner, viewer] = [await signUp(gateway.api, 'anna'), await signUp(gateway.api, 'mika')]
})
afterAll(() => gateway[Symbol.asyncDispose]())

const as = (who: TestUser, method: string, path: string, body?: unknown) =>
  gateway.api(method, `/api/v1${path}`, body, who.headers)
const tick = () =>
  gateway.api('POST', '/internal/v1/tick', undefined, { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY })

type Shown = { readonly id: string; readonly session: string; readonly encoder: SimulatedEncoder }

/** Puts a broadcast of the channel on the air, with segments of 2 s. */
async function broadcast(segments: number, more: object = {}): Promise<Shown> {
  const { json } = await as(owner, 'POST', '/streams', { title: 'A show', ...more })
  const { session } = await ingest.publish(json.stream_key)
  const encoder = await claimBroadcast(gateway.url, json.stream_id)
  for (let n = 0; n < segments; n += 50) await encoder.encode(session, Math.min(50, segments - n))
  return { id: json.stream_id, session, encoder }
}

/** Ends a broadcast; returns the id of its recording. */
async function end({ id, session, encoder }: Shown): Promise<string> {
  await as(owner, 'PUT', `/streams/${id}/end`)
  await encoder.report({ finished_session: session })
  const { archives } = (await as(owner, 'GET', '/archives')).json
  return archives.find((one: { stream_id: string }) => one.stream_id === id)?.archive_id
}

const clipLive = (who: TestUser, id: string, body: object = { duration: 10 }) =>
  as(who, 'POST', `/streams/${id}/clips`, body)
const refusalOf = ({ status, json }: Awaited<ReturnType<typeof as>>) => [status, json.error.code, json.error.message]
const finish = async (clipId: string) =>
  (await claimClip(gateway.url, clipId)).report({ status: 'ready', file_size: 5000 })
const removalsOf = (id: string) => gateway.database.sql`
  select names, due_at > now() as is_later from storage_tasks where folder = ${`live/${id}/`} order by due_at`

test('a viewer clips the last seconds of a broadcast on the air, and everyone sees the clip once it is cut', async () => {
  const shown = await broadcast(20)
  const { status, json: clip } = await clipLive(viewer, shown.id, { duration: 9, title: 'What a moment' })
  expect(status).toBe(201)
  expect(clip).toMatchObject({
    stream_id: shown.id,
    archive_id: null,
    title: 'What a moment',
    status: 'processing',
    duration: 9,
    playback_url: null,
    user: { username: 'anna' },
    created_by: { username: 'mika' },
  })
  const worker = await claimClip(gateway.url, clip.clip_id)
  const prefix = `live/${shown.id}/1/360/`
  expect(worker.order).toMatchObject({
    runs: [{ prefix, init: `${prefix}init-1.mp4`, duration_sec: 10 }],
    frames: 300,
    start_sec: 1,
    duration_sec: 9,
    width: 640,
    height: 360,
    output: `live/${shown.id}/clips/${clip.clip_id}.mp4`,
  })
  expect(worker.order.runs[0]?.segments.map(({ n }) => n)).toEqual([15, 16, 17, 18, 19])
  const listed = async (query: string) => (await gateway.api('GET', `/api/v1/clips?${query}`)).json.clips
  expect(await listed(`stream_id=${shown.id}`)).toEqual([])
  expect((await worker.report({ status: 'ready', file_size: 5000 })).json).toEqual({ duplicate: false })
  const path = `/${worker.order.output}`
  const download = `${path}?download=What%20a%20moment`
  const ready = { status: 'ready', file_size: 5000, playback_url: path, download_url: download }
  expect(await listed(`stream_id=${shown.id}`)).toMatchObject([ready])
  expect(await listed('user=Anna')).toMatchObject([ready])
  expect(await listed('user=mika')).toEqual([])
  const archive = await end(shown)
  expect((await gateway.api('GET', `/api/v1/clips/${clip.clip_id}`)).json).toMatchObject({ archive_id: archive })
})

test('a recording is clipped from its begin on, and a range that is not stored is refused by its field', async () => {
  const archive = await end(await broadcast(20))
  const clip = (body: object) => as(viewer, 'POST', `/archives/${archive}/clips`, body)
  const { json } = await clip({ start: 4.5, duration: 30 })
  expect(json).toMatchObject({ archive_id: archive, title: 'A show', duration: 30 })
  const { order } = await claimClip(gateway.url, json.clip_id)
  expect(order).toMatchObject({ start_sec: 0.5, duration_sec: 30, frames: 16 * 60 })
  const message = async (body: object) => refusalOf(await clip(body))
  expect(await message({ start: 11, duration: 30 })).toEqual([
    400,
    'INVALID_CONFIG',
    'start with this duration is not within what can be cut, which is 40 s',
  ])
  expect((await message({ start: 0, duration: 90 }))[2]).toContain('duration is longer than what can be cut')
  expect((await message({ duration: 10 }))[2]).toBe('start is required')
  for (const duration of [4, 91, Number.NaN, '10'])
    expect((await message({ start: 0, duration }))[2]).toBe('duration must be a number from 5 to 90 seconds')
  expect((await message({ start: -1, duration: 10 }))[2]).toContain('start must be a number from 0')
  expect((await message({ start: 0, duration: 10, title: '' }))[2]).toContain('title')
})

test('a broadcast is clipped from a moment before its newest one, and only as far back as viewers may go', async () => {
  const shown = await broadcast(150, { dvr_sec: 0 })
  const { json } = await clipLive(viewer, shown.id, { start: -60, duration: 20 })
  const { order } = await claimClip(gateway.url, json.clip_id)
  expect(order.runs[0]?.segments.map(({ n }) => n)).toEqual(Array.from({ length: 10 }, (_, i) => 120 + i))
  expect((await clipLive(viewer, shown.id, { duration: 90 })).status).toBe(201)
  const far = refusalOf(await clipLive(viewer, shown.id, { start: -290, duration: 20 }))
  expect(far[2]).toContain('start with this duration is not within what can be cut')
  const late = refusalOf(await clipLive(viewer, shown.id, { start: -10, duration: 20 }))
  expect(late[2]).toContain('start must be at most -20')
  const { json: planned } = await as(owner, 'POST', '/streams', { title: 'Later' })
  expect((await clipLive(viewer, planned.stream_id)).status).toBe(400)
})

test('a clip is as visible as its recording or its broadcast', async () => {
  const shown = await broadcast(10)
  const { json: clip } = await clipLive(viewer, shown.id)
  await finish(clip.clip_id)
  const archive = await end(shown)
  const path = `/api/v1/clips/${clip.clip_id}`
  expect((await gateway.api('GET', path)).status).toBe(200)
  await as(owner, 'PATCH', `/archives/${archive}`, { visibility: 'private' })
  expect(refusalOf(await gateway.api('GET', path)).slice(0, 2)).toEqual([404, 'CLIP_NOT_FOUND'])
  expect((await as(viewer, 'GET', `/clips/${clip.clip_id}`)).status).toBe(404)
  expect((await as(viewer, 'GET', `/clips?stream_id=${shown.id}`)).json.clips).toEqual([])
  expect((await as(owner, 'GET', `/clips?stream_id=${shown.id}`)).json.clips).toHaveLength(1)
  expect((await as(viewer, 'POST', `/archives/${archive}/clips`, { start: 0, duration: 10 })).status).toBe(404)
  expect((await as(viewer, 'DELETE', `/clips/${clip.clip_id}`)).status).toBe(204)
  const hidden = await broadcast(10, { visibility: 'private' })
  expect((await clipLive(viewer, hidden.id)).status).toBe(404)
  expect((await clipLive(owner, hidden.id)).status).toBe(201)
})

test('its maker changes a clip, its maker and its channel delete it, and its files go', async () => {
  const shown = await broadcast(10)
  const stranger = await signUp(gateway.api, 'stranger')
  const { json: clip } = await clipLive(viewer, shown.id)
  await finish(clip.clip_id)
  const path = `/clips/${clip.clip_id}`
  expect((await as(viewer, 'PATCH', path, { title: 'Renamed' })).json.title).toBe('Renamed')
  for (const who of [owner, stranger]) expect((await as(who, 'PUT', path, { title: 'x' })).status).toBe(403)
  expect((await as(stranger, 'DELETE', path)).status).toBe(403)
  expect((await gateway.api('DELETE', `/api/v1${path}`)).status).toBe(401)
  expect((await as(owner, 'DELETE', path)).status).toBe(204)
  expect((await as(owner, 'DELETE', path)).status).toBe(404)
  const names = [`clips/${clip.clip_id}.mp4`, `clips/${clip.clip_id}.jpg`]
  expect(await removalsOf(shown.id)).toEqual([
    { names, is_later: false },
    { names, is_later: true },
  ])
})

test('a clip whose worker fails has failed with the reason, which its maker and its channel see', async () => {
  const shown = await broadcast(10)
  const { json: clip } = await clipLive(viewer, shown.id)
  const reason = '1.m4s is missing'
  await (await claimClip(gateway.url, clip.clip_id)).report({ status: 'failed', reason })
  const failed = { status: 'failed', playback_url: null, error: reason }
  for (const who of [viewer, owner]) expect((await as(who, 'GET', `/clips/${clip.clip_id}`)).json).toMatchObject(failed)
  expect((await gateway.api('GET', `/api/v1/clips/${clip.clip_id}`)).json.error).toBeNull()
  expect((await gateway.api('GET', `/api/v1/clips?stream_id=${shown.id}`)).json.clips).toEqual([])
})

describe('retention', () => {
  test('keeps the segments that an unfinished clip needs, and takes them after it', async () => {
    const shown = await broadcast(60, { record: false, dvr_sec: 7200 })
    const { json: clip } = await clipLive(viewer, shown.id, { start: -100, duration: 10 })
    await as(owner, 'PATCH', `/streams/${shown.id}`, { dvr_sec: 0 })
    for (let n = 0; n < 300; n += 50) await shown.encoder.encode(shown.session, 50)
    const first = async () => {
      await tick()
      const [row] = await gateway.database.sql`
        select min(seq)::int as seq from stream_segments where stream_id = ${shown.id}`
      return row?.['seq']
    }
    await expect.poll(first).toBe(10)
    await finish(clip.clip_id)
    await expect.poll(first).toBe(360 - 315 - 1)
  })

  test('leaves the clips of a broadcast without a recording when the rest of it goes', async () => {
    const shown = await broadcast(10, { record: false })
    const [{ json: clip }, { json: late }] = [await clipLive(viewer, shown.id), await clipLive(viewer, shown.id)]
    await finish(clip.clip_id)
    await end(shown)
    await gateway.database.sql`update streams set closed_at = now() - interval '11 min' where stream_id = ${shown.id}`
    await tick()
    expect(await removalsOf(shown.id)).toEqual([])
    await as(viewer, 'DELETE', `/clips/${late.clip_id}`)
    await expect
      .poll(async () => {
        await tick()
        const removals = await removalsOf(shown.id)
        return removals.some(({ names }) => names === null)
      })
      .toBe(true)
    await until(async () => {
      await tick()
      const running = await gateway.gateway.context.launcher.list(AbortSignal.timeout(1000))
      return running.some(({ name }) => name === 'storage-0')
    }, 'the storage worker is launched')
    const { tasks } = await claimStorage(gateway.url)
    const keep = [`clips/${clip.clip_id}.mp4`, `clips/${clip.clip_id}.jpg`]
    expect(tasks).toContainEqual(
      expect.objectContaining({ folder: `live/${shown.id}/`, action: 'remove_folder', keep }),
    )
    expect((await gateway.api('GET', `/api/v1/clips/${clip.clip_id}`)).json.status).toBe('ready')
    expect((await clipLive(viewer, shown.id)).status).toBe(400)
  })
})

test('clips go with their recording, their broadcast, and the account of their maker, whose export lists them', async () => {
  const maker = await signUp(gateway.api, 'leaving')
  const shown = [await broadcast(10), await broadcast(10), await broadcast(10)] as const
  const made = await Promise.all(shown.map(async ({ id }) => (await clipLive(maker, id)).json.clip_id))
  for (const id of made) await finish(id)
  const { clips } = (await as(maker, 'GET', '/users/me/export')).json
  expect(clips.map((clip: { clip_id: string }) => clip.clip_id)).toEqual(made.toSorted((a, b) => b.localeCompare(a)))
  await as(owner, 'DELETE', `/archives/${await end(shown[0])}`)
  await as(owner, 'DELETE', `/streams/${shown[1].id}`)
  const body = { password: 'correct horse battery' }
  expect((await as(maker, 'DELETE', `/users/${maker.user.user_id}`, body)).status).toBe(204)
  expect(await gateway.database.sql`select 1 from clips where clip_id = any(${made}::uuid[])`).toEqual([])
  expect(await removalsOf(shown[2].id)).toMatchObject([{ names: [`clips/${made[2]}.mp4`, `clips/${made[2]}.jpg`] }, {}])
})

test('the last clip that its maker may cut is answered again with the same Idempotency-Key', async () => {
  const shown = await broadcast(10)
  const eager = await signUp(gateway.api, 'eager-again')
  await Promise.all(Array.from({ length: 19 }, () => clipLive(eager, shown.id)))
  const headers = { ...eager.headers, 'idempotency-key': 'the-last-one' }
  const cut = () => gateway.api('POST', `/api/v1/streams/${shown.id}/clips`, { duration: 10 }, headers)
  const [first, second] = [await cut(), await cut()]
  expect([first.status, second.status, second.json.clip_id]).toEqual([201, 201, first.json.clip_id])
  expect((await clipLive(eager, shown.id)).status).toBe(429)
  const { clips } = (await as(eager, 'GET', '/clips?limit=200')).json
  for (const clip of clips) await as(eager, 'DELETE', `/clips/${clip.clip_id}`)
})

test('who is banned, who clips too much, and a channel without room are refused; a few clips are cut at a time', async () => {
  const shown = await broadcast(10)
  const [banned, eager] = [await signUp(gateway.api, 'banned'), await signUp(gateway.api, 'eager')]
  expect((await gateway.api('POST', `/api/v1/streams/${shown.id}/clips`, { duration: 10 })).status).toBe(401)
  expect((await clipLive(viewer, newUuid())).json.error.code).toBe('STREAM_NOT_FOUND')
  await gateway.database.sql`
    insert into chat_bans (owner_id, user_id) values (${owner.user.user_id}, ${banned.user.user_id})`
  expect(refusalOf(await clipLive(banned, shown.id)).slice(0, 2)).toEqual([403, 'CHAT_BANNED'])
  const many = await Promise.all(Array.from({ length: 21 }, () => clipLive(eager, shown.id)))
  expect(many.filter(({ status }) => status === 201)).toHaveLength(20)
  const limited = many.find(({ status }) => status === 429)
  expect(limited?.json.error.code).toBe('CLIP_LIMITED')
  expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(0)
  await expect
    .poll(async () => {
      await tick()
      const running = await gateway.gateway.context.launcher.list(AbortSignal.timeout(1000))
      return running.filter(({ name }) => name.startsWith('clip-')).length
    })
    .toBe(CLIP_WORKERS)
  const { clips } = (await as(eager, 'GET', '/clips?limit=200')).json
  for (const clip of clips) await as(eager, 'DELETE', `/clips/${clip.clip_id}`)
  await gateway.database.sql`update streams set stored_bytes = 1000000000 where stream_id = ${shown.id}`
  expect(refusalOf(await clipLive(viewer, shown.id)).slice(0, 2)).toEqual([409, 'STORAGE_FULL'])
})
