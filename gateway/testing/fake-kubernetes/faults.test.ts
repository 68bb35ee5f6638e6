import { request } from 'node:https'
import { once } from 'node:events'

import { expect, test } from 'vitest'

import { callApi, collectEvents } from './call-api.ts'
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

test('calls fail as configured, as often as configured and without an effect, and then succeed', async () => {
  await using fake = await startFakeKubernetes()
  fake.faults.failCalls({ method: 'POST', path: '/pods', times: 2 }, { status: 429, retryAfterSec: 7 })
  const first = await callApi(fake, 'POST', PODS, { body: podOf('a') })
  expect(first).toMatchObject({ status: 429, text: 'Too many requests, please try again later.\n' })
  expect(first.headers.get('retry-after')).toBe('7')
  expect((await callApi(fake, 'GET', PODS)).status).toBe(200)
  expect((await callApi(fake, 'POST', PODS, { body: podOf('a') })).status).toBe(429)
  expect(fake.pods()).toEqual([])
  expect((await callApi(fake, 'POST', PODS, { body: podOf('a') })).status).toBe(201)
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
    const reply = await callApi(fake, 'GET', path)
    expect(reply.status).toBe(status)
    expect(JSON.parse(reply.text)).toMatchObject({ kind: 'Status', status: 'Failure', code: status })
  }
  fake.faults.clearCalls()
  expect((await callApi(fake, 'GET', PODS)).status).toBe(200)
})

test('a watch can fail while a list succeeds', async () => {
  await using fake = await startFakeKubernetes()
  fake.faults.failCalls({ method: 'WATCH' }, { status: 500 })
  expect((await callApi(fake, 'GET', PODS)).status).toBe(200)
  expect((await callApi(fake, 'GET', `${PODS}?watch=1`)).status).toBe(500)
})

test('a hanging call is received and never answered', async () => {
  await using fake = await startFakeKubernetes()
  fake.faults.failCalls({ times: 1 }, 'hang')
  const leaving = new AbortController()
  const requested = fetch(fake.url + PODS, { signal: leaving.signal })
  await expect.poll(() => fake.calls.length).toBe(1)
  leaving.abort()
  await expect(requested).rejects.toThrow(/aborted/)
  expect(fake.calls).toMatchObject([{ method: 'GET', path: PODS, status: 0 }])
})

test('a cut response breaks in the middle of its body, after the call took effect', async () => {
  await using fake = await startFakeKubernetes()
  fake.faults.failCalls({ method: 'POST', times: 1 }, 'cut')
  await expect(callApi(fake, 'POST', PODS, { body: podOf('a') })).rejects.toThrow(/terminated/)
  expect(fake.pod('a')).not.toBeNull()
  fake.faults.failCalls({ method: 'WATCH', times: 1 }, 'cut')
  await expect(collectEvents(fake, `${PODS}?watch=1`)).rejects.toThrow(/terminated/)
})

test('a stopped server refuses connections, and comes back on the same port with the same Pods', async () => {
  await using fake = await startFakeKubernetes()
  fake.insertPods([podOf('a')])
  const watched = collectEvents(fake, `${PODS}?watch=1&resourceVersion=301`).catch(String)
  await expect.poll(() => fake.calls.length).toBe(1)
  await fake.faults.refuseConnections()
  expect(await watched).toMatch(/terminated/)
  await expect(callApi(fake, 'GET', PODS)).rejects.toThrow(/fetch failed/)
  await fake.faults.acceptConnections()
  expect(JSON.parse((await callApi(fake, 'GET', `${PODS}/a`)).text).metadata.resourceVersion).toBe('301')
})

test('HTTPS clients that trust the certificate authority are served, others are not', async () => {
  await using fake = await startFakeKubernetes()
  const headers = { authorization: `Bearer ${fake.token}` }
  const statusBy = async (options: object) => {
    const requested = request(fake.secureUrl + PODS, { headers, agent: false, ...options }).end()
    const [response] = await once(requested, 'response')
    response.resume()
    return response.statusCode
  }
  expect(await statusBy({ ca: fake.authority })).toBe(200)
  await expect(statusBy({})).rejects.toThrow(/self-signed certificate/)
})

test('an inserted Pod without processes can be killed, restarted, evicted, deleted, and lost with its node', async () => {
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

  await callApi(fake, 'DELETE', `${PODS}/deleted`)
  await expect.poll(() => fake.pod('deleted')).toBeNull()

  fake.faults.loseNode('lost')
  await callApi(fake, 'DELETE', `${PODS}/lost`)
  fake.faults.deletePod('gone')
  expect(fake.pod('gone')).toBeNull()
  expect(fake.pod('lost')?.metadata).toMatchObject({ uid, deletionGracePeriodSeconds: 30 })
  expect(fake.pod('lost')?.status.conditions).toContainEqual(
    expect.objectContaining({ type: 'DisruptionTarget', reason: 'DeletionByTaintManager' }),
  )
})
