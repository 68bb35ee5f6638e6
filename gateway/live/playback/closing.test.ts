import { expect, it } from 'vitest'

import { startTestGateway } from '../../testing/test-gateway.ts'
import { claimBroadcast, openIngest, signUp } from '../testing/live-gateway.ts'

it('a gateway that stops answers reloads that wait for the next segment, before it cuts connections', async () => {
  await using gateway = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
  const owner = await signUp(gateway.api, 'broadcaster')
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show', latency: 'normal' }, owner.headers)
  const { session } = await (await openIngest(gateway)).publish(json.stream_key)
  await (await claimBroadcast(gateway.url, json.stream_id)).encode(session, 2)
  const stopping = await startTestGateway({ database: gateway.database })
  const playlist = `${stopping.url}/live/${json.stream_id}/360.m3u8`
  expect((await fetch(playlist)).status).toBe(200)
  // No live worker reports it.
  const reloading = fetch(`${playlist}?_HLS_msn=2`)
  await fetch(playlist)
  await stopping[Symbol.asyncDispose]()
  const answer = await reloading
  expect([answer.status, (await answer.text()).match(/^#EXTINF/gm)?.length]).toEqual([200, 2])
})
