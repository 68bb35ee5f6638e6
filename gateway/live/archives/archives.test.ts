import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { claimBroadcast, openIngest, reportArchive, signUp, type TestUser } from '../testing/live-gateway.ts'

let dir: string
let gateway: TestGateway
let [anna, ben]: TestUser[] = []
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'recordings-'))
  gateway = await startTestGateway({ env: { INGEST_WORKERS: '1', STORAGE_DIR: dir } })
  anna = await signUp(gateway.api, 'anna')
  ben = await signUp(gateway.api, 'ben')
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await rm(dir, { recursive: true, force: true })
})

const as = (who: TestUser | undefined, method: string, path: string, body?: unknown) =>
  gateway.api(method, `/api/v1${path}`, body, who === undefined ? { 'x-api-key': '' } : who.headers)

/** Makes a broadcast with a recording. */
async function record() {
  const { json: stream } = await as(anna, 'POST', '/streams', { title: 'A show' })
  const { session } = await (await openIngest(gateway)).publish(stream.stream_key)
  const encoder = await claimBroadcast(gateway.url, stream.stream_id)
  await encoder.encode(session, 3)
  await as(anna, 'PUT', `/streams/${stream.stream_id}/end`)
  await encoder.report({ finished_session: session })
  const { archives } = (await as(ben, 'GET', '/archives?user=anna')).json
  const archive = archives.find((one: { stream_id: string }) => one.stream_id === stream.stream_id)
  return { streamId: stream.stream_id, id: archive.archive_id, address: archive.playback_url }
}

const play = async (url: string) => (await fetch(gateway.url + url)).status

it('a private recording and its broadcast play for their owner only, and for all once it is public again', async () => {
  const { streamId, id, address } = await record()
  expect(await play(address)).toBe(200)

  const hidden = await as(anna, 'PUT', `/archives/${id}`, { visibility: 'private' })
  expect([hidden.status, hidden.json.visibility]).toEqual([200, 'private'])
  expect(await play(address)).not.toBe(200)
  expect(await play(hidden.json.playback_url)).toBe(200)
  for (const path of [`/archives/${id}`, `/streams/${streamId}`]) {
    expect((await as(ben, 'GET', path)).status).toBe(404)
  }
  expect((await as(anna, 'PUT', `/archives/${id}`, {})).json.visibility).toBe('private')
  await as(anna, 'PUT', `/archives/${id}`, { visibility: 'public' })
  expect(await play(address)).toBe(200)
})

it('a broadcast that is made private after its end takes its recording along, and keeps it', async () => {
  const { streamId, id, address } = await record()
  expect((await as(anna, 'PATCH', `/streams/${streamId}`, { visibility: 'private' })).status).toBe(200)
  expect((await as(ben, 'GET', `/archives/${id}`)).status).toBe(404)
  expect(await play(address)).not.toBe(200)
  expect((await as(anna, 'GET', `/archives/${id}`)).json.visibility).toBe('private')
  const refused = await as(anna, 'PATCH', `/streams/${streamId}`, { record: false })
  expect([refused.status, refused.json.error.code]).toEqual([409, 'STREAM_ENDED'])
  expect((await as(anna, 'PATCH', `/streams/${streamId}`, { record: true, title: 'New' })).status).toBe(200)
})

it('the file of a recording is saved under its title, whatever it is', async () => {
  const { streamId, id } = await record()
  const path = `live/${streamId}/recording.mp4`
  await mkdir(join(dir, `live/${streamId}`), { recursive: true })
  await writeFile(join(dir, path), 'a film')
  const ready = { status: 'ready', url: `${gateway.url}/media/${path}`, file_size: 6, duration_sec: 6 }
  expect((await reportArchive(gateway.url, id, ready)).status).toBe(200)
  await as(anna, 'PUT', `/archives/${id}`, { title: 'What? "日本" & more' })
  const { download_url: url } = (await as(ben, 'GET', `/archives/${id}`)).json
  const file = await fetch(url)
  expect([file.status, await file.text()]).toEqual([200, 'a film'])
  expect(file.headers.get('content-disposition')).toBe(
    `attachment; filename="What_ ____ & more.mp4"; filename*=UTF-8''What_%20_%E6%97%A5%E6%9C%AC_%20%26%20more.mp4`,
  )
})

it('the work on a recording ends with the account of its owner', async () => {
  const { id } = await record()
  const open = () => gateway.database.sql`
    select id from assignments where ended_at is null and id = ${`archive-${id}`}`
  expect(await open()).toHaveLength(1)
  await gateway.database.sql`update users set role = 'admin' where username = 'ben'`
  const password = { password: 'correct horse battery' }
  expect((await as(anna, 'DELETE', `/users/${anna?.user.user_id}`, password)).status).toBe(204)
  expect(await open()).toEqual([])
})

it('a broadcast that is made private before its start has files with names that cannot be guessed', async () => {
  const { json } = await as(ben, 'POST', '/streams', { title: 'A show' })
  await as(ben, 'PATCH', `/streams/${json.stream_id}`, { visibility: 'private' })
  await (await openIngest(gateway)).publish(json.stream_key)
  const { claim } = await claimBroadcast(gateway.url, json.stream_id)
  expect(claim.order.folder).toMatch(new RegExp(`^live/${json.stream_id}/[\\w-]{20,}/$`))
})
