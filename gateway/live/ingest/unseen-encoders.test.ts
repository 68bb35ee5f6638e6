import { expect, it } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { startTestGateway } from '../../testing/test-gateway.ts'
import { loseUnseenEncoders } from '../store/streams.ts'
import { claimIngest, signUp } from '../testing/live-gateway.ts'

it('an encoder that was not reported for a while publishes on once it is, unless its ingest worker is another process', async () => {
  await using gateway = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
  const owner = await signUp(gateway.api, 'broadcaster')
  const { launcher } = gateway.gateway.context
  await until(async () => (await launcher.list(AbortSignal.timeout(1000))).length > 0, 'the ingest worker is launched')
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)
  const id: string = json.stream_id
  const stateOf = async () => (await gateway.api('GET', `/api/v1/streams/${id}`)).json.state
  const loseUnseen = async () => {
    await gateway.database.sql`update streams set publisher_seen_at = now() - interval '1 min'`
    await loseUnseenEncoders(gateway.database.db, 10)
    expect(await stateOf()).toBe('reconnecting')
  }
  const first = await claimIngest(gateway.url)
  const { session } = await first.publish(json.stream_key)
  await loseUnseen()
  expect((await first.report(id, [{ session }])).sessions).toMatchObject([{ session, end_reason: null }])
  expect(await stateOf()).toBe('live')

  await loseUnseen()
  const second = await claimIngest(gateway.url)
  const [verdict] = (await second.report(id, [{ session }])).sessions
  expect(verdict?.end_reason).toContain('another encoder')
  expect(await stateOf()).toBe('reconnecting')
})
