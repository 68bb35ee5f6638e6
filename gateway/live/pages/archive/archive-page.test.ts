import { expect, it } from 'vitest'

import { startTestGateway } from '../../../testing/test-gateway.ts'
import { claimBroadcast, openIngest, signUp } from '../../testing/live-gateway.ts'

it('the page of a recording follows by itself: its file for download, its title, and who may watch it', async () => {
  await using gateway = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
  const { api, database } = gateway
  const anna = await signUp(api, 'anna')
  const { json: stream } = await api('POST', '/api/v1/streams', { title: 'A show' }, anna.headers)
  const { session } = await (await openIngest(gateway)).publish(stream.stream_key)
  const encoder = await claimBroadcast(gateway.url, stream.stream_id)
  await encoder.encode(session, 3)
  await api('PUT', `/api/v1/streams/${stream.stream_id}/end`, undefined, anna.headers)
  await encoder.report({ finished_session: session })
  const { json } = await api('GET', '/api/v1/archives?user=anna')
  const address = `${gateway.url}/archives/${json.archives[0].archive_id}`
  const read = async (query = '') => (await fetch(address + query)).text()

  expect(await read()).toContain('data-refresh="?part=about" data-every="2"')
  expect(await read('?part=about')).toContain('The file for download is being made')
  await database.sql`delete from assignments where kind = 'archive'`
  await database.sql`update archives set status = 'failed', error = 'damaged' where stream_id = ${stream.stream_id}`
  expect(await read('?part=about')).toMatch(/^(?!.*<html).*There is no file for download/s)
  const change = { title: 'Another <name>', visibility: 'unlisted' }
  await api('PUT', `/api/v1/archives/${json.archives[0].archive_id}`, change, anna.headers)
  expect(await read('?part=about')).toMatch(/<h1>Another &lt;name&gt;[\s\S]*Unlisted/)
})
