import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import {
  startFakeKubernetes,
  type FakeKubernetes,
  type PolicyRule,
} from '../../gateway/testing/fake-kubernetes/index.ts'
import { INSTALLATIONS, readInstallation } from './installation.ts'

const { one } = readInstallation('k8s')
const { rules } = one('Role', 'tallylight-gateway')

describe.each(INSTALLATIONS)('%s', (folder) => {
  const { manifests, all, gateway } = readInstallation(folder)

  test('allows the gateway to manage Pods and to read its own Deployment', () => {
    expect(all('Role').map(({ rules: found }) => found)).toEqual([
      [
        { apiGroups: [''], resources: ['pods'], verbs: ['create', 'delete', 'get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
        { apiGroups: ['apps'], resources: ['deployments'], resourceNames: [gateway.metadata.name], verbs: ['get'] },
      ],
    ])
  })

  test('binds the Role to the ServiceAccount of the gateway in its namespace', () => {
    const { serviceAccountName = '' } = gateway.spec?.template.spec ?? {}
    const account = manifests.find(({ kind }) => kind === 'ServiceAccount')?.metadata.name
    expect(serviceAccountName).toBe(account)
    expect(all('RoleBinding')).toMatchObject([
      {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'tallylight-gateway' },
        subjects: [{ kind: 'ServiceAccount', name: account, namespace: 'tallylight' }],
      },
    ])
  })

  test('contains nothing cluster-wide', () => {
    expect(manifests.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([])
  })
})

describe('an API server with the rules of the Role', () => {
  let kube: FakeKubernetes
  beforeAll(async () => {
    kube = await startFakeKubernetes({ rules: rules as PolicyRule[], namespace: 'tallylight' })
  })
  afterAll(() => kube[Symbol.asyncDispose]())

  const PODS = '/api/v1/namespaces/tallylight/pods'
  const DEPLOYMENTS = '/apis/apps/v1/namespaces/tallylight/deployments'
  const POD = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', labels: { app: 'stream-monitor' } },
    spec: { containers: [{ name: 'monitor', image: 'worker:1' }] },
  }

  async function call(method: string, path: string, body?: object): Promise<number> {
    const headers = { authorization: `Bearer ${kube.token}`, 'content-type': 'application/json' }
    const response = await fetch(kube.url + path, { method, headers, body: body ? JSON.stringify(body) : null })
    await response.body?.cancel()
    return response.status
  }

  test('allows every call of the gateway', async () => {
    expect(await call('POST', PODS, POD)).toBe(201)
    expect(await call('GET', `${PODS}/a`)).toBe(200)
    expect(await call('GET', `${PODS}?labelSelector=app%3Dstream-monitor`)).toBe(200)
    expect(await call('GET', `${PODS}?watch=true&timeoutSeconds=1&resourceVersion=0`)).toBe(200)
    expect(await call('GET', `${PODS}/a/log?tailLines=5`)).not.toBe(403)
    expect(await call('GET', `${DEPLOYMENTS}/tallylight-gateway`)).toBe(200)
    expect(await call('DELETE', `${PODS}/a`, { gracePeriodSeconds: 0 })).toBe(200)
  })

  test.each<[string, string, object?]>([
    ['PATCH', `${PODS}/a`, {}],
    ['PUT', `${PODS}/a`, POD],
    ['DELETE', PODS],
    ['POST', `${PODS}/a/exec?command=sh`],
    ['POST', `${PODS}/a/eviction`, {}],
    ['GET', `${DEPLOYMENTS}/another`],
    ['GET', DEPLOYMENTS],
    ['PATCH', `${DEPLOYMENTS}/tallylight-gateway`, {}],
    ['DELETE', `${DEPLOYMENTS}/tallylight-gateway`],
    ['GET', '/api/v1/namespaces/tallylight/secrets/tallylight-gateway'],
    ['GET', '/api/v1/namespaces/tallylight/secrets'],
    ['GET', '/api/v1/namespaces/tallylight/configmaps'],
    ['POST', '/api/v1/namespaces/tallylight/serviceaccounts/tallylight-gateway/token', {}],
    ['GET', '/api/v1/namespaces/default/pods'],
    ['POST', '/api/v1/namespaces/default/pods', POD],
    ['GET', '/api/v1/pods'],
    ['GET', '/api/v1/nodes'],
    ['GET', '/api/v1/namespaces'],
  ])('forbids any other call: %s %s', async (method, path, body) => {
    expect(await call(method, path, body)).toBe(403)
  })
})
