import { afterAll, beforeAll, expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { claimBroadcast, openIngest, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'

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

/** Makes a broadcast with two segments. */
async function startBroadcast() {
  const { json } = await api('POST', '/streams', { title: 'A show' })
  const { session } = await ingest.publish(json.stream_key)
  const encoder = await claimBroadcast(gateway.url, json.stream_id)
  await encoder.encode(session, 2)
  const id: string = json.stream_id
  const statusOf = async (query: string) => (await fetch(`${gateway.url}/live/${id}/360.m3u8${query}`)).status
  return { id, session, encoder, statusOf }
}

it('a reload that no playlist can answer is refused, and any is answered where the broadcast has ended', async () => {
  const { id, session, encoder, statusOf } = await startBroadcast()
  const statuses = () => Promise.all(['?_HLS_part=0', '?_HLS_msn=4', '?_HLS_msn=2&_HLS_part=90'].map(statusOf))
  expect(await statuses()).toEqual([400, 400, 400])
  expect([await statusOf('?_HLS_msn=abc'), await statusOf('?_HLS_msn=-1')]).toEqual([400, 400])
  await api('PUT', `/streams/${id}/end`)
  await encoder.report({ finished_session: session })
  await expect.poll(statuses).toEqual([200, 200, 200])
})

it('a reload whose segment does not come in time is refused, unless the encoder is away', async () => {
  const [late, away] = [await startBroadcast(), await startBroadcast()]
  await ingest.report(away.id, [{ session: away.session, ended: 'the encoder disconnected' }])
  expect(await Promise.all([late, away].map(({ statusOf }) => statusOf('?_HLS_msn=2')))).toEqual([503, 200])
})
