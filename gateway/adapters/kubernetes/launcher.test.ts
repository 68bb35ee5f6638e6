import { describe, expect, test, vi } from 'vitest'

import {
  GATEWAY_DEPLOYMENT,
  type FakeKubernetes,
  type FakeKubernetesOptions,
} from '../../testing/fake-kubernetes/index.ts'
import { LaunchRefused, LauncherUnavailable } from '../../ports/launcher.ts'
import {
  createLauncherFixture,
  makeDeletedPod,
  insertOnLostNode,
  LABELS,
  createLauncher,
  POD_NAME,
  makePod,
  SPEC,
} from './testing/launcher-fixture.ts'
import { MONITOR_ROLE } from './testing/roles.ts'
import { sendJson, startScriptedServer } from './testing/scripted-server.ts'
import { PATIENCE_MS, WAIT } from '../../../shared/testing/until.ts'

function firstPod(kube: FakeKubernetes) {
  return kube.pods()[0]
}

describe('launching', () => {
  test("creates the worker's Pod, owned by the gateway's Deployment", async () => {
    const { kube, launcher, called } = await createLauncherFixture({
      deployment: GATEWAY_DEPLOYMENT,
      cluster: { restrictedPods: true },
    })
    expect(await launcher.launch(SPEC)).toBe('launched')
    expect(await launcher.launch({ ...SPEC, name: 'stream-monitor-mon-2', assignmentId: 'mon-2' })).toBe('launched')
    expect(firstPod(kube)).toMatchObject({
      metadata: { name: POD_NAME, labels: LABELS },
      spec: { restartPolicy: 'OnFailure' },
    })
    const owner = { kind: 'Deployment', name: GATEWAY_DEPLOYMENT, controller: true, blockOwnerDeletion: false }
    const owned = { metadata: { ownerReferences: [owner] } }
    expect(kube.pods()).toMatchObject([owned, owned])
    const calls = [`GET deployments/${GATEWAY_DEPLOYMENT}`, 'POST pods']
    expect(called()).toEqual([...calls, ...calls])
  })

  test('adopts the existing Pod of the same worker', async () => {
    const { kube, launcher, called } = await createLauncherFixture()
    kube.insertPods([makePod({})])
    expect(await launcher.launch(SPEC)).toBe('launched')
    expect(called()).toEqual(['POST pods', `GET pods/${POD_NAME}`])
  })

  test.each<[string, Record<string, string>]>([
    ['of another kind', { ...LABELS, app: 'nginx' }],
    ['of another assignment', { ...LABELS, 'monitor-id': 'mon-2' }],
    ['of another program', {}],
  ])('is refused if the name is taken by a Pod %s', async (_whose, labels) => {
    const { kube, launcher } = await createLauncherFixture()
    kube.insertPods([makePod({ labels })])
    const refusal = await launcher.launch(SPEC).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(LaunchRefused)
    expect(refusal).toMatchObject({ reason: 'NameTaken' })
    expect(firstPod(kube)?.metadata.deletionTimestamp).toBeUndefined()
  })

  test('is busy while an earlier Pod of the worker terminates, and leaves its grace period as it is', async () => {
    const { kube, launcher } = await createLauncherFixture()
    insertOnLostNode(kube, makeDeletedPod(-20))
    expect(await launcher.launch(SPEC)).toBe('busy')
    expect(firstPod(kube)?.metadata.deletionGracePeriodSeconds).toBe(30)
  })

  test('force-deletes an earlier Pod of the worker whose node is lost', async () => {
    const { kube, launcher } = await createLauncherFixture()
    insertOnLostNode(kube, makeDeletedPod(32))
    expect(await launcher.launch(SPEC)).toBe('busy')
    expect(kube.pods()).toEqual([])
    expect(await launcher.launch(SPEC)).toBe('launched')
  })

  test.each(['Failed', 'Succeeded'])('deletes an earlier Pod of the worker that has %s', async (phase) => {
    const { kube, launcher } = await createLauncherFixture()
    kube.insertPods([makePod({}, { phase })])
    expect(await launcher.launch(SPEC)).toBe('busy')
    await vi.waitFor(() => expect(kube.pods()).toEqual([]), WAIT)
    expect(await launcher.launch(SPEC)).toBe('launched')
  })

  test('deletes an earlier Pod of the worker that has ended, though its phase is still Running', async () => {
    const { kube, launcher, list } = await createLauncherFixture({ cluster: { sandboxEndMs: PATIENCE_MS } })
    kube.insertPods([makePod({})])
    kube.faults.killContainer(POD_NAME, { exitCode: 0 })
    await vi.waitFor(async () => expect(await list()).toMatchObject([{ phase: 'exited' }]), WAIT)
    expect(firstPod(kube)?.status.phase).toBe('Running')
    expect(await launcher.launch(SPEC)).toBe('busy')
    await vi.waitFor(() => expect(kube.pods()).toEqual([]), WAIT)
    expect(await launcher.launch(SPEC)).toBe('launched')
  })

  test.each([
    ['once', 1, 'launched'],
    ['twice', 2, 'Pod stream-monitor-mon-1 was created and deleted by others meanwhile'],
  ])('retries once if the existing Pod disappears before it can be read (%s)', async (_how, times, outcome) => {
    let posts = 0
    const { url } = await startScriptedServer(({ method }, response) => {
      if (method === 'POST') posts += 1
      if (method === 'GET') sendJson(response, { reason: 'NotFound' }, 404)
      else if (posts > times) sendJson(response, {}, 201)
      else sendJson(response, { reason: 'AlreadyExists' }, 409)
    })
    const { launcher } = createLauncher(url, 'secret')
    expect(await launcher.launch(SPEC).catch((error: Error) => error.message)).toBe(outcome)
  })

  test('leaves one Pod if the response to its creation was lost', async () => {
    const { kube, launcher } = await createLauncherFixture()
    kube.faults.failCalls({ method: 'POST', times: 1 }, 'cut')
    await expect(launcher.launch(SPEC)).rejects.toThrow(LauncherUnavailable)
    expect(await launcher.launch(SPEC)).toBe('launched')
    expect(kube.pods()).toHaveLength(1)
  })

  test.each([429, 500, 503] as const)('is unavailable if the server answers %i', async (status) => {
    const { kube, launcher } = await createLauncherFixture()
    kube.faults.failCalls({ method: 'POST', times: 1 }, { status, retryAfterSec: 2 })
    const error = await launcher.launch(SPEC).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(LauncherUnavailable)
    expect(error).toMatchObject({ retryAfterMs: 2000 })
  })

  test.each<[string, FakeKubernetesOptions, (kube: FakeKubernetes) => void]>([
    ['Forbidden', { rules: [] }, () => {}],
    ['ExceededQuota', {}, ({ faults }) => faults.setQuota({ name: 'small', pods: 0 })],
  ])("is refused as %s with the server's message", async (reason, cluster, prepare) => {
    const { kube, launcher } = await createLauncherFixture({ cluster })
    prepare(kube)
    const refusal = await launcher.launch(SPEC).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(LaunchRefused)
    expect(refusal).toMatchObject({ reason, message: expect.stringContaining('forbidden') as string })
  })

  test('is refused for an unknown kind and for an invalid name', async () => {
    const { launcher } = await createLauncherFixture()
    await expect(launcher.launch({ ...SPEC, kind: 'dance' })).rejects.toMatchObject({ reason: 'UnknownKind' })
    await expect(launcher.launch({ ...SPEC, name: 'Not_A_Name' })).rejects.toMatchObject({ reason: 'Invalid' })
  })
})

describe('stopping', () => {
  test.each([
    [1, 1],
    [1001, 2],
    [25_000, 25],
  ])('deletes the Pod with that uid, with %i ms rounded up to a grace period of %i s', async (graceMs, seconds) => {
    const { url, calls } = await startScriptedServer((_call, response) => sendJson(response, {}))
    await createLauncher(url, 'secret').launcher.stop({ name: POD_NAME, uid: 'u' }, graceMs)
    const body = { gracePeriodSeconds: seconds, preconditions: { uid: 'u' } }
    expect(calls.map((call) => JSON.parse(call.body) as unknown)).toEqual([body])
  })

  test('at once leaves a Pod whose node is alive one second', async () => {
    const { kube, launcher } = await createLauncherFixture()
    kube.insertPods([makePod({})])
    kube.faults.ignoreSigterm(POD_NAME)
    await launcher.stop({ name: POD_NAME }, 0)
    expect(kube.pods()).toMatchObject([{ metadata: { deletionGracePeriodSeconds: 1 } }])
  })

  test('at once force-deletes a Pod only if its node is lost', async () => {
    const { kube, launcher } = await createLauncherFixture()
    insertOnLostNode(kube, makeDeletedPod(20))
    await launcher.stop({ name: POD_NAME }, 0)
    expect(kube.pods()).toMatchObject([{ metadata: { deletionGracePeriodSeconds: 1 } }])
    insertOnLostNode(kube, makeDeletedPod(32))
    await launcher.stop({ name: POD_NAME }, 1000)
    expect(kube.pods()).toHaveLength(1)
    insertOnLostNode(kube, makeDeletedPod(32))
    await launcher.stop({ name: POD_NAME, uid: 'another' }, 0)
    expect(kube.pods()).toHaveLength(1)
    await launcher.stop({ name: POD_NAME }, 0)
    expect(kube.pods()).toEqual([])
  })

  test('is unavailable if the server forbids it', async () => {
    const { launcher } = await createLauncherFixture({ cluster: { rules: [] } })
    await expect(launcher.stop({ name: POD_NAME }, 0)).rejects.toThrow(LauncherUnavailable)
    await expect(launcher.stop({ name: POD_NAME }, 1000)).rejects.toThrow(LauncherUnavailable)
  })
})

describe('listing', () => {
  test('takes one call, and returns the workers of all roles and nothing else', async () => {
    const encode = { ...MONITOR_ROLE, kind: 'encode', app: 'encode', idLabel: 'job-id' }
    const { kube, list, called } = await createLauncherFixture({ roles: [MONITOR_ROLE, encode] })
    kube.insertPods([
      makePod({}),
      makePod({ name: 'encode-7', labels: { app: 'encode', 'job-id': '7' } }),
      makePod({ name: 'other', labels: { app: 'nginx', 'monitor-id': 'mon-9' } }),
      makePod({ name: 'by-hand', labels: { app: 'stream-monitor' } }),
    ])
    const workers = await list()
    expect(workers.map(({ name, kind, assignmentId, phase }) => [name, kind, assignmentId, phase])).toEqual([
      ['encode-7', 'encode', '7', 'running'],
      [POD_NAME, 'monitor', 'mon-1', 'running'],
    ])
    expect(called()).toEqual(['GET pods?labelSelector=app+in+%28stream-monitor%2Cencode%29'])
  })

  test('of a single role selects by its label alone', async () => {
    const { list, called } = await createLauncherFixture()
    expect(await list()).toEqual([])
    expect(called()).toEqual(['GET pods?labelSelector=app%3Dstream-monitor'])
  })

  test('returns a Pod whose node is lost, and leaves it as it is', async () => {
    const { kube, list } = await createLauncherFixture()
    insertOnLostNode(kube, makeDeletedPod(32))
    expect(await list()).toMatchObject([{ name: POD_NAME, phase: 'stopping', trouble: { reason: 'NodeLost' } }])
    expect(kube.pods()).toHaveLength(1)
  })

  test('leaves out unreadable Pods, and logs their names whenever they change', async () => {
    const good = { metadata: { name: POD_NAME, uid: 'u', labels: LABELS } }
    const items: unknown[] = [{ metadata: { name: 'bad' } }, good]
    const { url } = await startScriptedServer((_call, response) => {
      sendJson(response, { metadata: { resourceVersion: '1' }, items })
    })
    const { list, logged } = createLauncher(url, 'secret')
    expect(await list()).toMatchObject([{ name: POD_NAME }])
    await list()
    items.push({ metadata: { name: 'worse' } })
    await list()
    expect(logged().map(({ pods }) => pods)).toEqual([['bad'], ['bad', 'worse']])
  })

  test.each<[string, FakeKubernetesOptions, (kube: FakeKubernetes) => void]>([
    ['forbids it', { rules: [] }, () => {}],
    ['fails', {}, ({ faults }) => faults.failCalls({}, { status: 500 })],
    ['breaks the connection', {}, ({ faults }) => faults.failCalls({}, 'cut')],
  ])('is unavailable if the server %s', async (_how, cluster, prepare) => {
    const { kube, list } = await createLauncherFixture({ cluster })
    kube.insertPods([makePod({})])
    prepare(kube)
    await expect(list()).rejects.toThrow(LauncherUnavailable)
  })
})

describe('the problem of a launcher', () => {
  test('is null while the server answers', async () => {
    const { launcher, called } = await createLauncherFixture()
    expect(await launcher.problem()).toBeNull()
    expect(called()).toEqual(['GET pods?labelSelector=app%3Dstream-monitor&limit=1'])
  })

  test('is the error of the server, or that it cannot be reached, within its timeout', async () => {
    const { kube, launcher } = await createLauncherFixture()
    kube.faults.failCalls({ times: 1 }, { status: 500 })
    expect(await launcher.problem()).toContain('etcdserver: leader changed')
    kube.faults.failCalls({ times: 1 }, 'hang')
    expect(await launcher.problem()).toBe('the API server cannot be reached: nothing received within 2000 ms')
  })
})

test('the last lines of a worker are empty if its log cannot be read', async () => {
  const { kube, launcher } = await createLauncherFixture()
  expect(await launcher.lastLines({ name: POD_NAME })).toEqual([])
  kube.faults.failCalls({}, { status: 500 })
  expect(await launcher.lastLines({ name: POD_NAME })).toEqual([])
})

test('closing ends the watch and leaves the Pods as they are', async () => {
  const { kube, launcher, list } = await createLauncherFixture()
  const onChange = vi.fn<() => void>()
  launcher.watch(onChange, new AbortController().signal)
  kube.insertPods([makePod({})])
  await vi.waitFor(() => expect(onChange).toHaveBeenCalled(), WAIT)
  await launcher.close(0)
  onChange.mockClear()
  kube.setPodStatus(POD_NAME, { phase: 'Failed' })
  expect(await list()).toMatchObject([{ name: POD_NAME, phase: 'exited' }])
  expect(onChange).not.toHaveBeenCalled()
})
