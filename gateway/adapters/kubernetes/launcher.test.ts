import { describe, expect, test, vi } from 'vitest'

import {
  GATEWAY_DEPLOYMENT,
  type FakeKubernetes,
  type FakeKubernetesOptions,
} from '../../testing/fake-kubernetes/index.ts'
import { LaunchRefused, LauncherUnavailable } from '../../workers/launcher.ts'
import {
  createFixture,
  deletedAgo,
  insertOnDeadNode,
  LABELS,
  launcherFor,
  NAME,
  podWith,
  SPEC,
  type Options,
} from './testing/launcher-fixture.ts'
import { MONITOR_ROLE } from './testing/monitor-role.ts'
import { sendJson, startScriptedServer } from './testing/scripted-server.ts'

function firstPod(kube: FakeKubernetes) {
  return kube.pods()[0]
}

describe('launching', () => {
  test("makes the Pod of the worker, owned by the gateway's Deployment", async () => {
    const { kube, launcher, called } = await createFixture({
      deployment: GATEWAY_DEPLOYMENT,
      cluster: { restrictedPods: true },
    })
    expect(await launcher.launch(SPEC)).toBe('launched')
    expect(await launcher.launch({ ...SPEC, name: 'stream-monitor-mon-2', assignmentId: 'mon-2' })).toBe('launched')
    expect(firstPod(kube)).toMatchObject({
      metadata: { name: NAME, labels: LABELS },
      spec: { restartPolicy: 'OnFailure' },
    })
    expect(
      kube.pods().map(({ metadata }) => metadata.ownerReferences?.map(({ kind, name }) => `${kind} ${name}`)),
    ).toEqual([[`Deployment ${GATEWAY_DEPLOYMENT}`], [`Deployment ${GATEWAY_DEPLOYMENT}`]])
    expect(called()).toEqual([`GET deployments/${GATEWAY_DEPLOYMENT}`, 'POST pods', 'POST pods'])
  })

  test.each<[string, Options & { readonly cluster?: FakeKubernetesOptions }]>([
    ['is not there', { deployment: 'another' }],
    [
      'may not be read',
      {
        deployment: GATEWAY_DEPLOYMENT,
        cluster: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['create'] }] },
      },
    ],
  ])('does without an owner where the Deployment %s, and says so once', async (_why, options) => {
    const { kube, launcher, logged } = await createFixture(options)
    await launcher.launch(SPEC)
    await launcher.launch({ ...SPEC, name: 'stream-monitor-mon-2', assignmentId: 'mon-2' })
    expect(kube.pods().map(({ metadata }) => metadata.ownerReferences)).toEqual([undefined, undefined])
    expect(logged().map(({ message }) => message)).toEqual(['the Deployment cannot be read: Pods will not go with it'])
  })

  test('waits for the owner to be known while the server fails', async () => {
    const { kube, launcher } = await createFixture({ deployment: GATEWAY_DEPLOYMENT })
    kube.faults.failCalls({ path: '/deployments', times: 1 }, { status: 503 })
    await expect(launcher.launch(SPEC)).rejects.toThrow(LauncherUnavailable)
    expect(await launcher.launch(SPEC)).toBe('launched')
    expect(firstPod(kube)?.metadata.ownerReferences).toHaveLength(1)
  })

  test('takes a Pod that is already its own for the worker', async () => {
    const { kube, launcher, called } = await createFixture()
    kube.insertPods([podWith({})])
    expect(await launcher.launch(SPEC)).toBe('launched')
    expect(called()).toEqual(['POST pods', `GET pods/${NAME}`])
  })

  test.each<[string, Record<string, string>]>([
    ['of another kind', { ...LABELS, app: 'nginx' }],
    ['of another assignment', { ...LABELS, 'monitor-id': 'mon-2' }],
    ['of somebody else', {}],
  ])('is refused where the name is taken by a Pod %s', async (_whose, labels) => {
    const { kube, launcher } = await createFixture()
    kube.insertPods([podWith({ labels })])
    const refusal = await launcher.launch(SPEC).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(LaunchRefused)
    expect(refusal).toMatchObject({ reason: 'NameTaken' })
    expect(firstPod(kube)?.metadata.deletionTimestamp).toBeUndefined()
  })

  test('waits for a namesake that is on its way out, without hurrying it', async () => {
    const { kube, launcher } = await createFixture()
    insertOnDeadNode(kube, deletedAgo(-20))
    expect(await launcher.launch(SPEC)).toBe('busy')
    expect(firstPod(kube)?.metadata.deletionGracePeriodSeconds).toBe(30)
  })

  test('forgets a namesake whose node is dead', async () => {
    const { kube, launcher } = await createFixture()
    insertOnDeadNode(kube, deletedAgo(32))
    expect(await launcher.launch(SPEC)).toBe('busy')
    expect(kube.pods()).toEqual([])
    expect(await launcher.launch(SPEC)).toBe('launched')
  })

  test.each(['Failed', 'Succeeded'])('clears away a namesake that is %s', async (phase) => {
    const { kube, launcher } = await createFixture()
    kube.insertPods([podWith({}, { phase })])
    expect(await launcher.launch(SPEC)).toBe('busy')
    await vi.waitFor(() => expect(kube.pods()).toEqual([]))
    expect(await launcher.launch(SPEC)).toBe('launched')
  })

  test.each([
    ['once', 1, 'launched'],
    ['and back again', 2, 'Pod stream-monitor-mon-1 comes and goes'],
  ])('tries again where the namesake is gone %s before it could be looked at', async (_how, times, outcome) => {
    let posts = 0
    const { url } = await startScriptedServer(({ method }, response) => {
      if (method === 'POST') posts += 1
      if (method === 'GET') sendJson(response, { reason: 'NotFound' }, 404)
      else if (posts > times) sendJson(response, {}, 201)
      else sendJson(response, { reason: 'AlreadyExists' }, 409)
    })
    const { launcher } = launcherFor(url, 'secret')
    expect(await launcher.launch(SPEC).catch((error: Error) => error.message)).toBe(outcome)
  })

  test('leaves one Pod where the answer to its creation was lost', async () => {
    const { kube, launcher } = await createFixture()
    kube.faults.failCalls({ method: 'POST', times: 1 }, 'cut')
    await expect(launcher.launch(SPEC)).rejects.toThrow(LauncherUnavailable)
    expect(await launcher.launch(SPEC)).toBe('launched')
    expect(kube.pods()).toHaveLength(1)
  })

  test.each([429, 500, 503] as const)('is to be tried again where the server answers %i', async (status) => {
    const { kube, launcher } = await createFixture()
    kube.faults.failCalls({ method: 'POST', times: 1 }, { status, retryAfterSec: 2 })
    const error = await launcher.launch(SPEC).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(LauncherUnavailable)
    expect(error).toMatchObject({ retryAfterMs: 2000 })
  })

  test.each<[string, FakeKubernetesOptions, (kube: FakeKubernetes) => void]>([
    ['Forbidden', { rules: [] }, () => {}],
    ['ExceededQuota', {}, ({ faults }) => faults.setQuota({ name: 'small', pods: 0 })],
  ])("is refused as %s in the cluster's words", async (reason, cluster, prepare) => {
    const { kube, launcher } = await createFixture({ cluster })
    prepare(kube)
    const refusal = await launcher.launch(SPEC).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(LaunchRefused)
    expect(refusal).toMatchObject({ reason, message: expect.stringContaining('forbidden') as string })
  })

  test('is refused for a kind that nobody knows, or a name that is none', async () => {
    const { launcher } = await createFixture()
    await expect(launcher.launch({ ...SPEC, kind: 'dance' })).rejects.toMatchObject({ reason: 'UnknownKind' })
    await expect(launcher.launch({ ...SPEC, name: 'Not_A_Name' })).rejects.toMatchObject({ reason: 'Invalid' })
  })
})

describe('stopping', () => {
  test.each([
    [1, 1],
    [1001, 2],
    [25_000, 25],
  ])('gives %i ms as %i s of grace, to the Pod that is meant', async (graceMs, seconds) => {
    const { url, calls } = await startScriptedServer((_call, response) => sendJson(response, {}))
    await launcherFor(url, 'secret').launcher.stop({ name: NAME, uid: 'u' }, graceMs)
    const body = { gracePeriodSeconds: seconds, preconditions: { uid: 'u' } }
    expect(calls.map((call) => JSON.parse(call.body) as unknown)).toEqual([body])
  })

  test('at once leaves a second to a Pod that can be ended', async () => {
    const { kube, launcher } = await createFixture()
    kube.insertPods([podWith({})])
    kube.faults.ignoreSigterm(NAME)
    await launcher.stop({ name: NAME }, 0)
    expect(kube.pods()).toMatchObject([{ metadata: { deletionGracePeriodSeconds: 1 } }])
  })

  test('at once forgets a Pod whose node is dead, and only then', async () => {
    const { kube, launcher } = await createFixture()
    insertOnDeadNode(kube, deletedAgo(20))
    await launcher.stop({ name: NAME }, 0)
    expect(kube.pods()).toMatchObject([{ metadata: { deletionGracePeriodSeconds: 1 } }])
    insertOnDeadNode(kube, deletedAgo(32))
    await launcher.stop({ name: NAME }, 1000)
    expect(kube.pods()).toHaveLength(1)
    insertOnDeadNode(kube, deletedAgo(32))
    await launcher.stop({ name: NAME, uid: 'another' }, 0)
    expect(kube.pods()).toHaveLength(1)
    await launcher.stop({ name: NAME }, 0)
    expect(kube.pods()).toEqual([])
  })

  test('is to be tried again where the server says no', async () => {
    const { launcher } = await createFixture({ cluster: { rules: [] } })
    await expect(launcher.stop({ name: NAME }, 0)).rejects.toThrow(LauncherUnavailable)
    await expect(launcher.stop({ name: NAME }, 1000)).rejects.toThrow(LauncherUnavailable)
  })
})

describe('listing', () => {
  test('is one call, and shows the workers of the roles that there are, and nothing else', async () => {
    const encode = { ...MONITOR_ROLE, kind: 'encode', app: 'encode', idLabel: 'job-id' }
    const { kube, list, called } = await createFixture({ roles: [MONITOR_ROLE, encode] })
    kube.insertPods([
      podWith({}),
      podWith({ name: 'encode-7', labels: { app: 'encode', 'job-id': '7' } }),
      podWith({ name: 'other', labels: { app: 'nginx', 'monitor-id': 'mon-9' } }),
      podWith({ name: 'by-hand', labels: { app: 'stream-monitor' } }),
    ])
    const workers = await list()
    expect(workers.map(({ name, kind, assignmentId, phase }) => [name, kind, assignmentId, phase])).toEqual([
      ['encode-7', 'encode', '7', 'running'],
      [NAME, 'monitor', 'mon-1', 'running'],
    ])
    expect(called()).toEqual(['GET pods?labelSelector=app+in+%28stream-monitor%2Cencode%29'])
  })

  test('of one role asks for its label alone', async () => {
    const { list, called } = await createFixture()
    expect(await list()).toEqual([])
    expect(called()).toEqual(['GET pods?labelSelector=app%3Dstream-monitor'])
  })

  test('shows a Pod whose node is dead, and does nothing about it', async () => {
    const { kube, list } = await createFixture()
    insertOnDeadNode(kube, deletedAgo(32))
    expect(await list()).toMatchObject([{ name: NAME, phase: 'stopping', trouble: { reason: 'NodeLost' } }])
    expect(kube.pods()).toHaveLength(1)
  })

  test('leaves out a Pod that cannot be read, told once for as long as it is the same', async () => {
    const good = { metadata: { name: NAME, uid: 'u', labels: LABELS } }
    const items: unknown[] = [{ metadata: { name: 'bad' } }, good]
    const { url } = await startScriptedServer((_call, response) => {
      sendJson(response, { metadata: { resourceVersion: '1' }, items })
    })
    const { list, logged } = launcherFor(url, 'secret')
    expect(await list()).toMatchObject([{ name: NAME }])
    await list()
    items.push({ metadata: { name: 'worse' } })
    await list()
    expect(logged().map(({ pods }) => pods)).toEqual([['bad'], ['bad', 'worse']])
  })

  test.each<[string, FakeKubernetesOptions, (kube: FakeKubernetes) => void]>([
    ['says no', { rules: [] }, () => {}],
    ['fails', {}, ({ faults }) => faults.failCalls({}, { status: 500 })],
    ['breaks off', {}, ({ faults }) => faults.failCalls({}, 'cut')],
  ])('is to be tried again where the server %s', async (_how, cluster, prepare) => {
    const { kube, list } = await createFixture({ cluster })
    kube.insertPods([podWith({})])
    prepare(kube)
    await expect(list()).rejects.toThrow(LauncherUnavailable)
  })
})

describe('what keeps workers from being launched', () => {
  test('is nothing where the server answers', async () => {
    const { launcher, called } = await createFixture()
    expect(await launcher.problem()).toBeNull()
    expect(called()).toEqual(['GET pods?labelSelector=app%3Dstream-monitor&limit=1'])
  })

  test('is said by the server itself, or that it cannot be reached, soon', async () => {
    const { kube, launcher } = await createFixture()
    kube.faults.failCalls({ times: 1 }, { status: 500 })
    expect(await launcher.problem()).toContain('etcdserver: leader changed')
    kube.faults.failCalls({ times: 1 }, 'hang')
    const before = performance.now()
    expect(await launcher.problem()).toBe('the API server cannot be reached: nothing came within 2000 ms')
    expect(performance.now() - before).toBeLessThan(4000)
  })
})

test('lines that cannot be had are none', async () => {
  const { kube, launcher } = await createFixture()
  expect(await launcher.lastLines({ name: NAME })).toEqual([])
  kube.faults.failCalls({}, { status: 500 })
  expect(await launcher.lastLines({ name: NAME })).toEqual([])
})

test('closing ends the watch and nothing else', async () => {
  const { kube, launcher, list } = await createFixture()
  const onChange = vi.fn<() => void>()
  launcher.watch(onChange, new AbortController().signal)
  kube.insertPods([podWith({})])
  await vi.waitFor(() => expect(onChange).toHaveBeenCalled())
  await launcher.close(0)
  onChange.mockClear()
  kube.setPodStatus(NAME, { phase: 'Failed' })
  expect(await list()).toMatchObject([{ name: NAME, phase: 'exited' }])
  expect(onChange).not.toHaveBeenCalled()
})
