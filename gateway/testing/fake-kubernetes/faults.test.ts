import { request } from 'node:https'
import { once } from 'node:events'

import { expect, test } from 'vitest'

import { ask, watch } from './ask.ts'
import { startFakeKubernetes, type Pod } from './index.ts'

const PODS = '/api/v1/namespaces/tallylight/pods'

function podOf(name: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { restartPolicy: 'OnFailure', containers: [{ name: 'monitor', image: 'example/worker:1' }] },
  }
}

test('calls fail as told, as often as told, and nothing is done; then they go through', async () => {
  await using fake = await startFakeKubernetes()
  fake.faults.failCalls({ method: 'POST', path: '/pods', times: 2 }, { status: 429, retryAfterSec: 7 })
  const first = await ask(fake, 'POST', PODS, { body: podOf('a') })
  expect(first).toMatchObject({ status: 429, text: 'Too many requests, please try again later.\n' })
  expect(first.headers.get('retry-after')).toBe('7')
  expect((await ask(fake, 'GET', PODS)).status).toBe(200)
  expect((await ask(fake, 'POST', PODS, { body: podOf('a') })).status).toBe(429)
  expect(fake.pods()).toEqual([])
  expect((await ask(fake, 'POST', PODS, { body: podOf('a') })).status).toBe(201)
  expect(fake.calls.map(({ method, path, status }) => `${method} ${path} ${status}`)).toEqual([
    `POST ${PODS} 429`,
    `GET ${PODS} 200`,
    `POST ${PODS} 429`,
    `POST ${PODS} 201`,
  ])
})

test.each([403, 409, 410, 500, 503] as const)('calls answer %i until faults are cleared', async (status) => {
  await using fake = await startFakeKubernetes()
  fake.faults.failCalls({}, { status })
  for (const path of [PODS, `${PODS}/a`]) {
    const reply = await ask(fake, 'GET', path)
    expect(reply.status).toBe(status)
    expect(JSON.parse(reply.text)).toMatchObject({ kind: 'Status', status: 'Failure', code: status })
  }
  fake.faults.clearCalls()
  expect((await ask(fake, 'GET', PODS)).status).toBe(200)
})

test('a watch can fail where a list does not', async () => {
  await using fake = await startFakeKubernetes()
  fake.faults.failCalls({ method: 'WATCH' }, { status: 500 })
  expect((await ask(fake, 'GET', PODS)).status).toBe(200)
  expect((await ask(fake, 'GET', `${PODS}?watch=1`)).status).toBe(500)
})

test('a call that hangs is taken and never answered', async () => {
  await using fake = await startFakeKubernetes()
  fake.faults.failCalls({ times: 1 }, 'hang')
  const asked = fetch(fake.url + PODS, { signal: AbortSignal.timeout(200) })
  await expect(asked).rejects.toThrow(/timeout/)
  expect(fake.calls).toMatchObject([{ method: 'GET', path: PODS, status: 0 }])
})

test('a body that is cut ends in its middle, after what was asked has been done', async () => {
  await using fake = await startFakeKubernetes()
  fake.faults.failCalls({ method: 'POST', times: 1 }, 'cut')
  await expect(ask(fake, 'POST', PODS, { body: podOf('a') })).rejects.toThrow(/terminated/)
  expect(fake.pod('a')).not.toBeNull()
  fake.faults.failCalls({ method: 'WATCH', times: 1 }, 'cut')
  await expect(watch(fake, `${PODS}?watch=1`)).rejects.toThrow(/terminated/)
})

test('a server that is gone refuses connections, and comes back at the same place with the same Pods', async () => {
  await using fake = await startFakeKubernetes()
  fake.insertPods([podOf('a')])
  const watched = watch(fake, `${PODS}?watch=1&resourceVersion=301`).catch(String)
  await expect.poll(() => fake.calls.length).toBe(1)
  await fake.faults.refuseConnections()
  expect(await watched).toMatch(/terminated/)
  await expect(ask(fake, 'GET', PODS)).rejects.toThrow(/fetch failed/)
  await fake.faults.acceptConnections()
  expect(JSON.parse((await ask(fake, 'GET', `${PODS}/a`)).text).metadata.resourceVersion).toBe('301')
})

test('it is served by HTTPS too, to whoever knows its authority', async () => {
  await using fake = await startFakeKubernetes()
  const headers = { authorization: `Bearer ${fake.token}` }
  const statusBy = async (options: object) => {
    const asked = request(fake.secureUrl + PODS, { headers, agent: false, ...options }).end()
    const [answer] = await once(asked, 'response')
    answer.resume()
    return answer.statusCode
  }
  expect(await statusBy({ ca: fake.authority })).toBe(200)
  await expect(statusBy({})).rejects.toThrow(/self-signed certificate/)
})

test('without processes a Pod can be killed, starts anew, is evicted, goes when deleted, and is lost with its node', async () => {
  await using fake = await startFakeKubernetes({ backoffFactor: 0.001 })
  fake.insertPods([podOf('killed'), podOf('evicted'), podOf('deleted'), podOf('lost'), podOf('gone')])
  const uid = fake.pod('lost')?.metadata.uid

  fake.faults.killContainer('killed', { exitCode: 3 })
  await expect
    .poll(() => fake.pod('killed')?.status.containerStatuses?.[0])
    .toMatchObject({
      restartCount: 1,
      ready: true,
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    })

  fake.faults.evictPod('evicted')
  await expect.poll(() => fake.pod('evicted')?.status.phase).toBe('Failed')
  expect(fake.pod('evicted')?.status).toMatchObject({ reason: 'Evicted', containerStatuses: [{ ready: false }] })
  expect(fake.pod('evicted')?.status.conditions).toContainEqual(
    expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' }),
  )

  await ask(fake, 'DELETE', `${PODS}/deleted`)
  await expect.poll(() => fake.pod('deleted')).toBeNull()

  fake.faults.loseNode('lost')
  await ask(fake, 'DELETE', `${PODS}/lost`)
  fake.faults.deletePod('gone')
  expect(fake.pod('gone')).toBeNull()
  expect(fake.pod('lost')?.metadata).toMatchObject({ uid, deletionGracePeriodSeconds: 30 })
  expect(fake.pod('lost')?.status.conditions).toContainEqual(
    expect.objectContaining({ type: 'DisruptionTarget', reason: 'DeletionByTaintManager' }),
  )
})
