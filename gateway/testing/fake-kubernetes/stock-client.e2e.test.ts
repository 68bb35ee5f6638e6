import { CoreV1Api, KubeConfig, makeInformer, type V1Pod } from '@kubernetes/client-node'
import { expect, test } from 'vitest'

import { startFakeKubernetes } from './index.ts'

const pod: V1Pod = {
  metadata: { name: 'a', labels: { app: 'x' } },
  spec: { containers: [{ name: 'monitor', image: 'example/worker:1' }] },
}

test('the official client creates, reads, lists, watches and deletes Pods of the fake cluster by its kubeconfig', async () => {
  await using fake = await startFakeKubernetes()
  const { namespace } = fake
  const config = new KubeConfig()
  config.loadFromFile(fake.secureKubeconfigPath)
  const api = config.makeApiClient(CoreV1Api)
  const path = `/api/v1/namespaces/${namespace}/pods`
  const informer = makeInformer(config, path, () => api.listNamespacedPod({ namespace, labelSelector: 'app=x' }))
  const received: string[] = []
  for (const verb of ['add', 'update', 'delete'] as const) {
    informer.on(verb, ({ metadata }) => void received.push(`${verb} ${metadata?.name ?? ''}`))
  }
  await informer.start()
  try {
    const created = await api.createNamespacedPod({ namespace, body: pod })
    expect(created.metadata?.creationTimestamp).toBeInstanceOf(Date)
    await expect(api.createNamespacedPod({ namespace, body: pod })).rejects.toMatchObject({ code: 409 })
    expect((await api.readNamespacedPod({ name: 'a', namespace })).metadata?.uid).toBe(created.metadata?.uid)
    expect((await api.listNamespacedPod({ namespace, limit: 1 })).items).toHaveLength(1)
    fake.setPodStatus('a', { phase: 'Failed', reason: 'Evicted' })
    await expect.poll(() => received).toContain('update a')
    await api.deleteNamespacedPod({
      name: 'a',
      namespace,
      body: { preconditions: { uid: created.metadata?.uid ?? '' } },
    })
    await expect.poll(() => received.at(-1)).toBe('delete a')
    expect(received[0]).toBe('add a')
  } finally {
    await informer.stop()
  }
})
