import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { callApi, collectEvents, type WatchEvent } from '../call-api.ts'
import type { PodStatus } from '../index.ts'
import {
  runAnotherPod,
  firstContainer,
  createPod,
  entry,
  folder,
  isAlive,
  isRunning,
  makeFolder,
  PODS,
  readReport,
  removeFolder,
  startCluster,
  waitForStatus,
} from './kubelet-fixture.ts'

beforeAll(makeFolder)
afterAll(removeFolder)

describe('a Pod', () => {
  test('that finds no node is scheduled once there is one', async () => {
    await using fake = await startCluster()
    fake.faults.setSchedulable(false)
    await createPod(fake, {})
    await waitForStatus(fake, ({ conditions }) => conditions?.[0]?.reason === 'Unschedulable')
    fake.faults.setSchedulable(true)
    await waitForStatus(fake, isRunning)
  })

  test('that outlasts its grace period is killed with its child processes', async () => {
    const out = join(folder, 'family.json')
    await using fake = await startCluster()
    await createPod(fake, {
      env: [
        { name: 'DO', value: 'family' },
        { name: 'OUT', value: out },
      ],
    })
    const { PID, CHILD } = await readReport(out)
    expect([isAlive(PID), isAlive(CHILD)]).toEqual([true, true])
    fake.faults.ignoreSigterm('a')
    await callApi(fake, 'DELETE', `${PODS}/a?gracePeriodSeconds=1`)
    const ended = await waitForStatus(
      fake,
      ({ containerStatuses }) => containerStatuses?.[0]?.state?.terminated !== undefined,
    )
    expect(ended.object.status.phase).toBe('Failed')
    expect(firstContainer(ended)?.state?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' })
    await expect.poll(() => fake.pod('a')).toBeNull()
    await expect.poll(() => [isAlive(PID), isAlive(CHILD)]).toEqual([false, false])
  })

  test('that ignores SIGTERM writes to its log, which can be followed to its end', async () => {
    const out = join(folder, 'deaf.json')
    await using fake = await startCluster()
    await createPod(fake, {
      env: [
        { name: 'DO', value: 'deaf' },
        { name: 'OUT', value: out },
      ],
    })
    await readReport(out)
    const followed = callApi(fake, 'GET', `${PODS}/a/log?follow=true`)
    await expect.poll(() => fake.calls.at(-1)?.status).toBe(200)
    await callApi(fake, 'DELETE', `${PODS}/a`, { body: { gracePeriodSeconds: 1 } })
    expect((await followed).text).toBe('heard\n')
  })

  test('that is deleted without a grace period is gone at once, and its process soon after', async () => {
    const out = join(folder, 'behind.json')
    await using fake = await startCluster()
    await createPod(fake, { env: [{ name: 'OUT', value: out }] })
    const { PID } = await readReport(out)
    fake.faults.deletePod('a')
    expect(fake.pod('a')).toBeNull()
    await expect.poll(() => isAlive(PID)).toBe(false)
  })

  test('that is evicted has failed with the reason Evicted, and its process is gone', async () => {
    const out = join(folder, 'evicted.json')
    await using fake = await startCluster()
    await createPod(fake, { env: [{ name: 'OUT', value: out }] })
    const { PID } = await readReport(out)
    fake.faults.evictPod('a')
    const failed = await waitForStatus(fake, ({ phase }) => phase === 'Failed')
    expect(failed.object.status).toMatchObject({ reason: 'Evicted' })
    expect(firstContainer(failed)?.state?.terminated?.exitCode).toBe(137)
    expect(isAlive(PID)).toBe(false)
  })

  test('that ends shows Running with its ended container before its final phase, as recorded', async () => {
    await using fake = await startCluster({}, { sandboxEndMs: 20 })
    await createPod(fake, { env: [{ name: 'DO', value: 'end' }] })
    const since = `${PODS}?watch=1&resourceVersion=1`
    const isSucceeded = (events: readonly WatchEvent[]) => events.at(-1)?.object.status.phase === 'Succeeded'
    const [before, after] = (await collectEvents(fake, since, isSucceeded)).slice(-2).map(({ object }) => object.status)
    expect(before).toMatchObject({ phase: 'Running', containerStatuses: [{ state: { terminated: { exitCode: 0 } } }] })
    const changed = (one: PodStatus | undefined) =>
      one?.conditions?.map(({ type, status, reason }) => [type, status, reason])
    expect(changed(before)).toEqual(
      changed(after)?.map((one) => (one[0] === 'PodReadyToStartContainers' ? [one[0], 'True', undefined] : one)),
    )
  })

  test('that is evicted shows in its conditions that it fails, before its container has ended', async () => {
    await using fake = await startCluster()
    await createPod(fake, {})
    await waitForStatus(fake, isRunning)
    fake.faults.evictPod('a')
    const failing = await waitForStatus(fake, ({ conditions }) =>
      (conditions ?? []).some(({ type, reason }) => type === 'Ready' && reason === 'PodFailed'),
    )
    expect(failing.object.status).toMatchObject({ phase: 'Running', containerStatuses: [{ state: { running: {} } }] })
    expect(failing.object.status.reason).toBeUndefined()
    await waitForStatus(fake, ({ reason }) => reason === 'Evicted')
  })

  test('whose node is lost stays, and its process runs on until the cluster ends', async () => {
    const out = join(folder, 'lost.json')
    const fake = await startCluster()
    await createPod(fake, { env: [{ name: 'OUT', value: out }] })
    const { PID } = await readReport(out)
    fake.faults.loseNode('a')
    await callApi(fake, 'DELETE', `${PODS}/a`)
    await runAnotherPod(fake, 'b')
    expect(fake.pod('a')?.metadata.deletionTimestamp).toBeDefined()
    expect(isAlive(PID)).toBe(true)
    await callApi(fake, 'DELETE', `${PODS}/a?gracePeriodSeconds=0`)
    expect(fake.pod('a')).toBeNull()
    await runAnotherPod(fake, 'b')
    expect(isAlive(PID)).toBe(true)
    await fake[Symbol.asyncDispose]()
    expect(isAlive(PID)).toBe(false)
    expect(existsSync(dirname(fake.kubeconfigPath))).toBe(false)
  })

  test('does not outlive a cluster that is killed', async () => {
    const out = join(folder, 'killed.json')
    const script = `
      import { startFakeKubernetes } from ${JSON.stringify(import.meta.resolve('../index.ts'))}
      import { callApi } from ${JSON.stringify(import.meta.resolve('../call-api.ts'))}
      const fake = await startFakeKubernetes({ runPods: { entry: ${JSON.stringify(entry)}, env: { DO: 'family', OUT: ${JSON.stringify(out)} } } })
      const spec = { containers: [{ name: 'monitor', image: 'example/worker:1' }] }
      await callApi(fake, 'POST', ${JSON.stringify(PODS)}, { body: { metadata: { name: 'a' }, spec } })
      console.log(fake.kubeconfigPath)
    `
    const cluster = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script])
    const [path] = await once(cluster.stdout, 'data')
    const { PID, CHILD } = await readReport(out)
    cluster.kill('SIGKILL')
    await expect.poll(() => [isAlive(PID), isAlive(CHILD)]).toEqual([false, false])
    await rm(dirname(String(path)), { recursive: true })
  })
})
