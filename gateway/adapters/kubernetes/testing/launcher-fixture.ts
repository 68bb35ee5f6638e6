import { onTestFinished } from 'vitest'

import { createLog } from '../../../../shared/log.ts'
import {
  startFakeKubernetes,
  type FakeKubernetes,
  type FakeKubernetesOptions,
  type Pod,
} from '../../../testing/fake-kubernetes/index.ts'
import type { WorkerSpec } from '../../../workers/launcher.ts'
import { createPodClient } from '../client.ts'
import { createKubernetesLauncher, type KubernetesLauncherOptions } from '../launcher.ts'
import { accessBySettings } from '../settings-credentials.ts'
import { MONITOR_ROLE } from './monitor-role.ts'

export const SPEC: WorkerSpec = {
  name: 'stream-monitor-mon-1',
  kind: 'monitor',
  assignmentId: 'mon-1',
  env: { A: 'b' },
}
export const NAME = SPEC.name
export const LABELS = { app: 'stream-monitor', 'monitor-id': 'mon-1' }

export type Options = Partial<Pick<KubernetesLauncherOptions, 'deployment' | 'roles'>>

export function launcherFor(server: string, token: string, options: Options = {}) {
  const lines: string[] = []
  const namespace = 'tallylight'
  const launcher = createKubernetesLauncher({
    client: createPodClient({ ...accessBySettings({ server, token }), namespace }),
    roles: [MONITOR_ROLE],
    image: 'example/worker:1',
    secret: 'example-secret',
    namespace,
    deployment: null,
    log: createLog('test', 'debug', (line) => lines.push(line)),
    ...options,
  })
  onTestFinished(() => launcher.close(0))
  const list = () => launcher.list(AbortSignal.timeout(10_000))
  const logged = () => lines.map((line) => JSON.parse(line) as { message: string; error?: string; pods?: string[] })
  return { launcher, list, logged }
}

/** A launcher in a cluster without processes. */
export async function createFixture({
  cluster,
  ...options
}: Options & { readonly cluster?: FakeKubernetesOptions } = {}) {
  const kube = await startFakeKubernetes(cluster)
  onTestFinished(() => kube[Symbol.asyncDispose]())
  const called = () =>
    kube.calls.map(({ method, path }) => `${method} ${path.replace(/^.*\/(?=pods|deployments)/, '')}`)
  return { kube, called, ...launcherFor(kube.url, kube.token, options) }
}

/** What the fake takes for a Pod. */
export function podWith(metadata: Pod['metadata'], status?: Pod['status']): Pod {
  const spec = { containers: [{ name: 'monitor', image: 'example/worker:1' }] }
  return { metadata: { name: NAME, labels: LABELS, ...metadata }, spec, ...(status === undefined ? {} : { status }) }
}

/** Pods that were to be gone so long ago. */
export function deletedAgo(seconds: number): Pod {
  const deletionTimestamp = new Date(Date.now() - seconds * 1000).toISOString().replace(/\.\d+/, '')
  return podWith({ deletionTimestamp, deletionGracePeriodSeconds: 30 })
}

/** Puts a Pod there whose node says nothing any more. */
export function insertOnDeadNode(kube: FakeKubernetes, pod: Pod): void {
  const uid = 'c0ffee00-0000-4000-8000-000000000000'
  kube.insertPods([podWith({ uid })])
  kube.faults.loseNode(NAME)
  kube.insertPods([{ ...pod, metadata: { ...pod.metadata, uid } }])
}
