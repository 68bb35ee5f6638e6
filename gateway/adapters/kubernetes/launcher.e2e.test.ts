import { describe, expect, test, vi } from 'vitest'

import { listenForPrograms, type Program } from '../../testing/launched-programs.ts'
import type { LaunchedWorker } from '../../workers/launcher.ts'
import { describeLauncher } from '../launcher.conformance.ts'
import { createFixture } from './testing/launcher-fixture.ts'
import { openTestNamespace, readTestCluster } from './testing/real-cluster.ts'

/** Pods that run the file at `entry`, by a kubelet in a hurry. */
function clusterOf(entry: string) {
  return { cluster: { runPods: { entry }, restrictedPods: true, backoffFactor: 0.02 } }
}

describeLauncher('Pods', async (entry) => (await createFixture(clusterOf(entry))).launcher)

if (process.env['TEST_CLUSTER'] === '1') {
  const cluster = readTestCluster(process.env)
  describeLauncher('Pods of a real cluster', async () => (await openTestNamespace(cluster)).launcher, {
    host: cluster.host,
    withinMs: 60_000,
  })
}

const WAIT = { timeout: 10_000, interval: 20 }

/** A worker in a Pod, as soon as it is at work or has failed. */
async function startPod(program: Program) {
  const programs = await listenForPrograms()
  const fixture = await createFixture(clusterOf(programs.entry))
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
  test('that fails at each start is started again and again, and counted', async () => {
    const { seen } = await startPod('fails')
    const { uid } = await seen(({ phase, restarts }) => phase === 'restarting' && restarts >= 1)
    const later = await seen(({ phase, restarts }) => phase === 'restarting' && restarts >= 3)
    expect(later).toMatchObject({ uid, exit: { code: 3, givenUp: false }, trouble: null })
  })

  test('that runs out of memory goes on as another process of the same Pod, and says what became of the first', async () => {
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

  test('that is evicted does not run again, by no fault of its own', async () => {
    const { kube, spec, seen, runOf } = await startPod('stays')
    await runOf(0)
    kube.faults.evictPod(spec.name)
    const { exit } = await seen(({ phase }) => phase === 'exited')
    expect(exit).toMatchObject({ reason: 'Evicted', givenUp: false })
  })

  test('goes on while its gateway and the API server are gone, and is adopted by the next', async () => {
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

describe('a worker whose Pod cannot run', () => {
  test.each([
    ['ErrImagePull', /^(?:ErrImagePull|ImagePullBackOff)$/],
    ['ErrImageNeverPull', /^ErrImageNeverPull$/],
  ] as const)('for want of its image says so: %s', async (problem, reason) => {
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

  test('for want of a node says so', async () => {
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
