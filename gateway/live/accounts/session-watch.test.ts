import { expect, it } from 'vitest'

import { openEventSource } from '../../testing/event-source.ts'
import { startTestGateway } from '../../testing/test-gateway.ts'
import { signUp } from '../testing/live-gateway.ts'

/** That of `signUp`. */
const PASSWORD = 'correct horse battery'
const WAYS = ['logout-all', 'a new password', 'the deletion of the account'] as const

it.each(WAYS)('%s ends every event stream of the user, and none of another one', async (way) => {
  await using gateway = await startTestGateway()
  // The last admin cannot be deleted.
  await signUp(gateway.api, 'first-one')
  const [anna, bert] = [await signUp(gateway.api, 'anna'), await signUp(gateway.api, 'bert')]
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, bert.headers)
  const stream = `/api/v1/streams/${json.stream_id}`
  const paths = [`${stream}/events`, `${stream}/chat/events`, '/api/v1/notifications/stream']
  const open = async (headers: Record<string, string>) =>
    Promise.all(paths.map((path) => openEventSource(gateway.url + path, headers)))
  const ending = await open(anna.headers)
  const staying = await open(bert.headers)
  let isCut = false
  for (const { ended } of staying) {
    void ended.then(
      () => (isCut = true),
      () => undefined,
    )
  }

  const end = {
    'logout-all': () => gateway.api('POST', '/api/v1/auth/logout-all', undefined, anna.headers),
    'a new password': async () => {
      const { json: other } = await gateway.api('POST', '/api/v1/auth/login', { login: 'anna', password: PASSWORD })
      const body = { password: 'another password', current_password: PASSWORD }
      return gateway.api('PUT', '/api/v1/users/me', body, { authorization: `Bearer ${other.token}` })
    },
    'the deletion of the account': () =>
      gateway.api('DELETE', '/api/v1/users/me', { password: PASSWORD }, anna.headers),
  }
  expect((await end[way]()).status).toBeLessThan(300)
  await Promise.all(ending.map((source) => source.ended))
  expect(isCut).toBe(false)
  for (const source of staying) source[Symbol.dispose]()
})
