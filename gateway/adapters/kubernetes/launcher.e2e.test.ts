import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { WAIT } from '../../../shared/testing/until.ts'
import { listenForPrograms, type ProgramName } from '../../testing/workers/launched-programs.ts'
import type { LaunchedWorker } from '../../ports/launcher.ts'
import { GATEWAY_DEPLOYMENT } from '../../testing/fake-kubernetes/index.ts'
import { NODE_NAME } from '../../testing/fake-kubernetes/kubelet/pod-status.ts'
import { describeLauncher } from '../../testing/launcher.conformance.ts'
import { createApiClient } from './api-client.ts'
import { drainPod } from './testing/drain-pod.ts'
import { createLauncherFixture } from './testing/launcher-fixture.ts'
import { openTestNamespace, readTestCluster } from './testing/real-cluster.ts'
import { createTokenAccess } from './token-access.ts'

const execute = promisify(execFile)
const KUBECTL = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'kubectl'))
  .find((path) => existsSync(path))

/** Returns the options of a cluster whose Pods run the file at `entry`, with a shortened restart backoff. */
function clusterOptions(entry: string) {
  return { cluster: { runPods: { entry }, restrictedPods: true, backoffFactor: 0.02 } }
}

/** What one who drains a node may do. */
const DRAIN_RULES = [
  { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'patch'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
  { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
]

/** Creates a launcher of Pods that the gateway's Deployment owns, on a node that can be drained. */
async function createDrainableFixture(entry: string) {
  const { cluster } = clusterOptions(entry)
  const options = { deployment: GATEWAY_DEPLOYMENT, cluster: { ...cluster, clusterRules: DRAIN_RULES } }
  return createLauncherFixture(options)
}

describeLauncher('Pods', async (entry) => {
  const { launcher, kube } = await createDrainableFixture(entry)
  const api = createApiClient(createTokenAccess({ server: kube.url, token: kube.token }))
  return { ...launcher, drain: (name) => drainPod(api, kube.namespace, name) }
})

if (process.env['TEST_CLUSTER'] === '1') {
  const cluster = readTestCluster(process.env)
  describeLauncher('Pods of a real cluster', async () => (await openTestNamespace(cluster)).launcher, {
    host: cluster.host,
  })
}

/** Launches a worker as a Pod. */
async function startPod(program: ProgramName) {
  const programs = await listenForPrograms()
  const fixture = await createLauncherFixture(clusterOptions(programs.entry))
  const spec = programs.specOf(program)
  await fixture.launcher.launch(spec)

  async function seen(isAsWanted: (worker: LaunchedWorker) => boolean): Promise<LaunchedWorker> {
    return vi.waitFor(async () => {
      const [worker] = await fixture.list()
      if (worker === undefined || !isAsWanted(worker)) throw new Error(`it is ${JSON.stringify(worker)}`)
      return worker
    }, WAIT)
  }

  const runOf = (nth: number) => programs.runOf(spec, nth)
  return { ...fixture, spec, seen, runOf }
}

describe('a worker in a Pod', () => {
  test('that fails at every start is restarted by the kubelet, and its restarts are counted', async () => {
    const { seen } = await startPod('fails')
    const { uid } = await seen(({ phase, restarts }) => phase === 'restarting' && restarts >= 1)
    const later = await seen(({ phase, restarts }) => phase === 'restarting' && restarts >= 3)
    expect(later).toMatchObject({ uid, exit: { code: 3, givenUp: false }, trouble: null })
  })

  test('that runs out of memory is restarted in the same Pod, and reports OOMKilled as its last exit', async () => {
    const { kube, spec, seen, runOf } = await startPod('stays')
    const first = await runOf(0)
    const { uid } = await seen(({ phase }) => phase === 'running')
    kube.faults.killContainer(spec.name, { reason: 'OOMKilled' })
    await runOf(1)
    expect(first.isGone()).toBe(true)
    expect(await seen(({ phase, restarts }) => phase === 'running' && restarts === 1)).toMatchObject({
      uid,
      exit: { code: 137, reason: 'OOMKilled', givenUp: false },
    })
  })

  test('that is evicted has exited without being given up', async () => {
    const { kube, spec, seen, runOf } = await startPod('stays')
    await runOf(0)
    kube.faults.evictPod(spec.name)
    const { exit } = await seen(({ phase }) => phase === 'exited')
    expect(exit).toMatchObject({ reason: 'Evicted', givenUp: false })
  })

  test('runs on while its gateway and the API server are gone, and the next launch adopts it', async () => {
    const { kube, launcher, spec, seen, runOf } = await startPod('stays')
    const run = await runOf(0)
    await kube.faults.refuseConnections()
    await launcher.close(0)
    expect(await launcher.problem()).toMatch(/^the API server cannot be reached/)
    await kube.faults.acceptConnections()
    expect(await launcher.launch(spec)).toBe('launched')
    expect(await seen(({ phase }) => phase === 'running')).toMatchObject({ restarts: 0 })
    expect(run.isGone()).toBe(false)
  })
})

describe.skipIf(KUBECTL === undefined)('kubectl drain', () => {
  test('evicts workers with no --force, and the next launch waits for a node that is open', async () => {
    const programs = await listenForPrograms()
    const { launcher, kube, list } = await createDrainableFixture(programs.entry)
    const spec = programs.specOf('stays')
    await launcher.launch(spec)
    const run = await programs.runOf(spec)
    const home = await mkdtemp(join(tmpdir(), 'kubectl-drain-'))
    onTestFinished(() => rm(home, { recursive: true, force: true }))
    const kubectl = (...args: string[]) =>
      execute(KUBECTL ?? '', ['--kubeconfig', kube.secureKubeconfigPath, ...args], {
        env: { HOME: home },
        timeout: WAIT.timeout,
      })
    await kubectl('drain', NODE_NAME, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=60s')
    expect([run.isGone(), run.messages.includes('SIGTERM'), kube.pods()]).toEqual([true, true, []])
    expect(await launcher.launch(spec)).toBe('launched')
    await vi.waitFor(async () => expect(await list()).toMatchObject([{ trouble: { reason: 'Unschedulable' } }]), WAIT)
    await kubectl('uncordon', NODE_NAME)
    await programs.runOf(spec, 1)
  })
})

describe('a worker whose Pod cannot run', () => {
  test.each([
    ['ErrImagePull', /^(?:ErrImagePull|ImagePullBackOff)$/],
    ['ErrImageNeverPull', /^ErrImageNeverPull$/],
  ] as const)('because its image is missing reports that: %s', async (problem, reason) => {
    const { kube, launcher, seen, spec, list } = await startPod('stays')
    await seen(({ phase }) => phase === 'running')
    kube.faults.setImageProblem(problem)
    await launcher.launch({ ...spec, name: `${spec.name}-2` })
    await vi.waitFor(async () => {
      const workers = await list()
      expect(workers[1]).toMatchObject({
        phase: 'starting',
        trouble: { reason: expect.stringMatching(reason) as string },
      })
    }, WAIT)
  })

  test('because no node has room reports that', async () => {
    const { kube, launcher, spec, seen, list } = await startPod('stays')
    await seen(({ phase }) => phase === 'running')
    kube.faults.setSchedulable(false)
    await launcher.launch({ ...spec, name: `${spec.name}-2` })
    await vi.waitFor(async () => {
      const workers = await list()
      expect(workers[1]).toMatchObject({ phase: 'starting', trouble: { reason: 'Unschedulable' } })
    }, WAIT)
  })
})
