import { expect, it } from 'vitest'

import { newUuid } from '../../shared/ids.ts'
import { signUp } from '../live/testing/live-gateway.ts'
import { RUNTIMES, startGatewayOn } from '../testing/runtimes.ts'
import { startTestGateway } from '../testing/test-gateway.ts'

it.each(RUNTIMES)(
  'a cache before a gateway on %s keeps no answer of the API, no redirect and no error',
  async (runtime) => {
    await using gateway = await startGatewayOn(runtime)
    const answers = [
      ['/api/v1/monitors', 200],
      ['/api/v1/streams', 200],
      ['/api/v1/users/me', 401],
      ['/api/v1/nothing', 404],
      ['/api/streams/1', 308],
      ['/nothing', 404],
      ['/swagger', 302],
      [`/live/${newUuid()}/master.m3u8`, 404],
      [`/live/${newUuid()}/1/360/7.0.m4s`, 404],
      ['/media/none.m4s', 404],
    ] as const
    for (const [path, status] of answers) {
      const answer = await gateway.api('GET', path)
      expect([path, answer.status, answer.headers.get('cache-control')]).toEqual([path, status, 'no-store'])
    }
    const description = await gateway.api('GET', '/openapi.json')
    expect([description.status, description.headers.get('cache-control')]).toEqual([200, null])
  },
)

it('answers for one user are not kept, and what says how long it may be kept stays as it is', async () => {
  await using gateway = await startTestGateway()
  const { user, headers } = await signUp(gateway.api, 'anna')
  const cachingOf = async (path: string) =>
    (await gateway.api('GET', path, undefined, headers)).headers.get('cache-control')
  expect(await cachingOf('/api/v1/users/me')).toBe('no-store')
  expect(await cachingOf(`/api/v1/users/${user.user_id}/schedule.ics`)).toBe('no-cache')
})
