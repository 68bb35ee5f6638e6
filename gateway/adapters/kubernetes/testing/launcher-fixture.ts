import { onTestFinished } from 'vitest'

import { createLog } from '../../../../shared/log.ts'
import { PATIENCE_MS } from '../../../../shared/testing/until.ts'
import {
  startFakeKubernetes,
  type FakeKubernetes,
  type FakeKubernetesOptions,
  type Pod,
} from '../../../testing/fake-kubernetes/index.ts'
import type { WorkerSpec } from '../../../ports/launcher.ts'
import { createPodClient } from '../pod-client.ts'
import { createKubernetesLauncher, type KubernetesLauncherOptions } from '../launcher.ts'
import { createTokenAccess } from '../token-access.ts'
import { MONITOR_ROLE } from './roles.ts'

export const SPEC: WorkerSpec = {
  name: 'stream-monitor-mon-1',
  kind: 'monitor',
  assignmentId: 'mon-1',
  env: { A: 'b' },
}
export const POD_NAME = SPEC.name
export const LABELS = { app: 'stream-monitor', 'monitor-id': 'mon-1' }

export type FixtureOptions = Partial<Pick<KubernetesLauncherOptions, 'deployment' | 'roles'>>

/** Creates a launcher for the API server at this address, with its log kept; it closes with the test. */
export function createLauncher(server: string, token: string, options: FixtureOptions = {}) {
  const lines: string[] = []
  const namespace = 'tallylight'
  const launcher = createKubernetesLauncher({
    client: createPodClient({ ...createTokenAccess({ server, token }), namespace }),
    roles: [MONITOR_ROLE],
    image: 'example/worker:1',
    secret: 'example-secret',
    namespace,
    deployment: null,
    log: createLog('test', 'debug', (line) => lines.push(line)),
    ...options,
  })
  onTestFinished(() => launcher.close(0))
  const list = () => launcher.list(AbortSignal.timeout(PATIENCE_MS))
  const logged = () => lines.map((line) => JSON.parse(line) as { message: string; error?: string; pods?: string[] })
  return { launcher, list, logged }
}

/** Starts a fake cluster that runs no processes, and creates a launcher for it. */
export async function createLauncherFixture({
  cluster,
  ...options
}: FixtureOptions & { readonly cluster?: FakeKubernetesOptions } = {}) {
  const kube = await startFakeKubernetes(cluster)
  onTestFinished(() => kube[Symbol.asyncDispose]())
  const called = () =>
    kube.calls.map(({ method, path }) => `${method} ${path.replace(/^.*\/(?=pods|deployments)/, '')}`)
  return { kube, called, ...createLauncher(kube.url, kube.token, options) }
}

/** Makes a Pod of the worker of `SPEC`, which the fake cluster accepts. */
export function makePod(metadata: Pod['metadata'], status?: Pod['status']): Pod {
  const spec = { restartPolicy: 'OnFailure', containers: [{ name: 'monitor', image: 'example/worker:1' }] }
  return {
    metadata: { name: POD_NAME, labels: LABELS, ...metadata },
    spec,
    ...(status === undefined ? {} : { status }),
  }
}

/** Makes a Pod whose grace period ended so many seconds ago. */
export function makeDeletedPod(secondsAgo: number): Pod {
  const deletionTimestamp = new Date(Date.now() - secondsAgo * 1000).toISOString().replace(/\.\d+/, '')
  return makePod({ deletionTimestamp, deletionGracePeriodSeconds: 30 })
}

/** Inserts a Pod whose node is lost: its kubelet reports nothing and ends nothing. */
export function insertOnLostNode(kube: FakeKubernetes, pod: Pod): void {
  const uid = 'c0ffee00-0000-4000-8000-000000000000'
  kube.insertPods([makePod({ uid })])
  kube.faults.loseNode(POD_NAME)
  kube.insertPods([{ ...pod, metadata: { ...pod.metadata, uid } }])
}
