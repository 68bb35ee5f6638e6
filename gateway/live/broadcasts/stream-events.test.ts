import { expect, it } from 'vitest'

import { openEventSource } from '../../testing/event-source.ts'
import { startTestGateway } from '../../testing/test-gateway.ts'
import { signUp } from '../testing/live-gateway.ts'

it('a page learns of changes and, where it wants them, of pings with the time, which its connection needs to be seen as lost', async () => {
  await using gateway = await startTestGateway()
  const anna = await signUp(gateway.api, 'anna')
  const show = { title: 'Followed', category: 'Music' }
  const { stream_id: id } = (await gateway.api('POST', '/api/v1/streams', show, anna.headers)).json
  const address = `${gateway.url}/api/v1/streams/${id}/events?chat=off`
  using pinged = await openEventSource(`${address}&pings=on`)
  using plain = await openEventSource(address)
  const pingsOf = ({ events }: typeof pinged) => events.filter(({ event }) => event === 'ping')
  await expect.poll(() => pingsOf(pinged).length).toBeGreaterThan(1)
  const [first, second] = pingsOf(pinged).map(({ data }) => Date.parse(data.now))
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThan(1000)
  expect(pingsOf(plain)).toEqual([])

  const change = { category: 'Talk', tags: ['one'], scheduled_for: '2030-01-01T10:00:00.000Z' }
  await gateway.api('PATCH', `/api/v1/streams/${id}`, change, anna.headers)
  const newest = (name: string) => plain.events.findLast(({ event }) => event === name)?.data
  await expect.poll(() => newest('about')).toMatchObject({ category: 'Talk', tags: ['one'], visibility: 'public' })
  expect(newest('state')).toMatchObject({ state: 'scheduled', scheduled_for: '2030-01-01T10:00:00.000Z' })
})

it('a page that shows how many follow the channel learns of each new follower within two seconds, and no other stream does', async () => {
  await using gateway = await startTestGateway()
  const anna = await signUp(gateway.api, 'anna')
  const { stream_id: id } = (await gateway.api('POST', '/api/v1/streams', { title: 'Followed' }, anna.headers)).json
  const address = `${gateway.url}/api/v1/streams/${id}/events?chat=off`
  using counted = await openEventSource(`${address}&followers=on`)
  using plain = await openEventSource(address)
  const counts = ({ events }: typeof counted) =>
    events.filter(({ event }) => event === 'followers').map(({ data }) => data.follower_count)
  await expect.poll(() => counts(counted)).toEqual([0])
  const ben = await signUp(gateway.api, 'ben')
  await gateway.api('POST', '/api/v1/follows', { user_id: anna.user.user_id }, ben.headers)
  await expect.poll(() => counts(counted)).toEqual([0, 1])
  expect(counts(plain)).toEqual([])
})
