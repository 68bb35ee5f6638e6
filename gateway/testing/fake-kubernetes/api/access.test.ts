import { describe, expect, test } from 'vitest'

import { callApi, type CallResult } from '../call-api.ts'
import { startFakeKubernetes, type Pod, type PolicyRule } from '../index.ts'

const PODS = '/api/v1/namespaces/tallylight/pods'
const ALL: readonly PolicyRule[] = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]

const podOf = (name: string): Pod => ({
  metadata: { name },
  spec: { containers: [{ name: 'monitor', image: 'example/worker:1' }] },
})
const json = ({ text }: CallResult) => JSON.parse(text)

describe('authorisation', () => {
  test('allows the gateway only the calls of its Role, in its namespace', async () => {
    await using fake = await startFakeKubernetes()
    fake.insertPods([podOf('a')])
    const status = async (method: string, path: string, body?: unknown) =>
      (await callApi(fake, method, path, { body })).status
    expect(await status('GET', '/apis/apps/v1/namespaces/tallylight/deployments/tallylight-gateway')).toBe(200)
    expect(await status('GET', `${PODS}/a/log`)).toBe(400)
    expect(await status('PATCH', `${PODS}/a`, {})).toBe(403)
    expect(await status('PUT', `${PODS}/a/status`, {})).toBe(403)
    expect(await status('DELETE', PODS)).toBe(403)
    expect(await status('GET', '/api/v1/pods')).toBe(403)
    expect(await status('GET', '/api/v1/namespaces/tallylight')).toBe(403)
    expect(await status('GET', '/apis/apps/v1/namespaces/tallylight/deployments')).toBe(403)
  })

  test('follows rules with groups, resources, subresources, verbs and names', async () => {
    const rules: PolicyRule[] = [{ apiGroups: [''], resources: ['pods'], resourceNames: ['a'], verbs: ['get'] }]
    await using fake = await startFakeKubernetes({ rules })
    fake.insertPods([podOf('a'), podOf('b')])
    expect((await callApi(fake, 'GET', `${PODS}/a`)).status).toBe(200)
    expect((await callApi(fake, 'GET', `${PODS}/b`)).status).toBe(403)
    const refused = await callApi(fake, 'GET', `${PODS}/b/log`)
    expect(json(refused)).toMatchObject({
      code: 403,
      message:
        'pods "b" is forbidden: User "system:serviceaccount:tallylight:tallylight-gateway" cannot get resource "pods/log" in API group "" in the namespace "tallylight"',
      details: { name: 'b', kind: 'pods' },
    })
  })

  test('leaves 404 to missing objects and 405 to unsupported methods', async () => {
    await using fake = await startFakeKubernetes({ rules: ALL })
    const missing = await callApi(fake, 'GET', '/apis/apps/v1/namespaces/tallylight/deployments/none')
    expect(json(missing)).toMatchObject({
      code: 404,
      message: 'deployments.apps "none" not found',
      details: { name: 'none', group: 'apps', kind: 'deployments' },
    })
    expect((await callApi(fake, 'GET', '/apis/batch/v1/namespaces/tallylight/jobs')).status).toBe(404)
    expect((await callApi(fake, 'DELETE', PODS)).status).toBe(405)
  })
})
