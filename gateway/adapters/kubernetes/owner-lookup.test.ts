import { describe, expect, test, vi } from 'vitest'

import { WAIT } from '../../../shared/testing/until.ts'
import { LauncherUnavailable } from '../../ports/launcher.ts'
import { GATEWAY_DEPLOYMENT, type FakeKubernetesOptions } from '../../testing/fake-kubernetes/index.ts'
import { createLauncherFixture, POD_NAME, SPEC, type FixtureOptions } from './testing/launcher-fixture.ts'

describe('a launcher', () => {
  test('owns a Pod by the Deployment as it is now: a replaced one has another uid', async () => {
    const { kube, launcher } = await createLauncherFixture({ deployment: GATEWAY_DEPLOYMENT })
    const others = ['stream-monitor-mon-2', 'stream-monitor-mon-3']
    await launcher.launch(SPEC)
    kube.faults.replaceDeployment('orphan')
    await Promise.all(others.map((name) => launcher.launch({ ...SPEC, name, assignmentId: name.slice(15) })))
    const names = () => kube.pods().map(({ metadata }) => metadata.name)
    const ownerOf = (name: string) => kube.pod(name)?.metadata.ownerReferences?.[0]?.uid
    expect(names()).toEqual([POD_NAME, ...others])
    expect([ownerOf(POD_NAME), ownerOf(others[0] ?? '')]).toEqual([undefined, ownerOf(others[1] ?? '')])
    kube.faults.replaceDeployment('background')
    await vi.waitFor(() => expect(names()).toEqual([POD_NAME]), WAIT)
  })

  test.each<[string, FixtureOptions & { readonly cluster?: FakeKubernetesOptions }]>([
    ['does not exist', { deployment: 'another' }],
    [
      'may not be read',
      {
        deployment: GATEWAY_DEPLOYMENT,
        cluster: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['create'] }] },
      },
    ],
  ])('creates Pods without an owner if the Deployment %s, and logs that once', async (_why, options) => {
    const { kube, launcher, logged } = await createLauncherFixture(options)
    await launcher.launch(SPEC)
    await launcher.launch({ ...SPEC, name: 'stream-monitor-mon-2', assignmentId: 'mon-2' })
    expect(kube.pods().map(({ metadata }) => metadata.ownerReferences)).toEqual([undefined, undefined])
    expect(logged().map(({ message }) => message)).toEqual(['Deployment could not be read, worker Pods get no owner'])
  })

  test('is unavailable until the owner can be read', async () => {
    const { kube, launcher } = await createLauncherFixture({ deployment: GATEWAY_DEPLOYMENT })
    kube.faults.failCalls({ path: '/deployments', times: 1 }, { status: 503 })
    await expect(launcher.launch(SPEC)).rejects.toThrow(LauncherUnavailable)
    expect(await launcher.launch(SPEC)).toBe('launched')
    expect(kube.pods()[0]?.metadata.ownerReferences).toHaveLength(1)
  })
})
