import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ask } from './ask.ts'
import {
  anotherLife,
  container,
  create,
  entry,
  folder,
  isAlive,
  isRunning,
  makeFolder,
  PODS,
  read,
  removeFolder,
  start,
  until,
} from './kubelet-fixture.ts'

beforeAll(makeFolder)
afterAll(removeFolder)

describe('a Pod', () => {
  test('that finds no node is taken up once there is one', async () => {
    await using fake = await start()
    fake.faults.setSchedulable(false)
    await create(fake, {})
    await until(fake, ({ conditions }) => conditions?.[0]?.reason === 'Unschedulable')
    fake.faults.setSchedulable(true)
    await until(fake, isRunning)
  })

  test('that is deleted and does not end in its grace is killed with all that it started', async () => {
    const out = join(folder, 'family.json')
    await using fake = await start()
    await create(fake, {
      env: [
        { name: 'DO', value: 'family' },
        { name: 'OUT', value: out },
      ],
    })
    const { PID, CHILD } = await read(out)
    expect([isAlive(PID), isAlive(CHILD)]).toEqual([true, true])
    fake.faults.ignoreSigterm('a')
    await ask(fake, 'DELETE', `${PODS}/a?gracePeriodSeconds=1`)
    const ended = await until(fake, ({ containerStatuses }) => containerStatuses?.[0]?.state?.terminated !== undefined)
    expect(ended.object.status.phase).toBe('Failed')
    expect(container(ended)?.state?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' })
    await expect.poll(() => fake.pod('a')).toBeNull()
    await expect.poll(() => [isAlive(PID), isAlive(CHILD)]).toEqual([false, false])
  })

  test('that is deaf to SIGTERM is heard of in its log, followed to its end', async () => {
    const out = join(folder, 'deaf.json')
    await using fake = await start()
    await create(fake, {
      env: [
        { name: 'DO', value: 'deaf' },
        { name: 'OUT', value: out },
      ],
    })
    await read(out)
    const followed = ask(fake, 'GET', `${PODS}/a/log?follow=true`)
    await expect.poll(() => fake.calls.at(-1)?.status).toBe(200)
    await ask(fake, 'DELETE', `${PODS}/a`, { body: { gracePeriodSeconds: 1 } })
    expect((await followed).text).toBe('heard\n')
  })

  test('that is deleted behind everybody’s back is gone at once, and its process soon', async () => {
    const out = join(folder, 'behind.json')
    await using fake = await start()
    await create(fake, { env: [{ name: 'OUT', value: out }] })
    const { PID } = await read(out)
    fake.faults.deletePod('a')
    expect(fake.pod('a')).toBeNull()
    await expect.poll(() => isAlive(PID), { timeout: 5000 }).toBe(false)
  })

  test('that is evicted has failed by its node’s fault, and its process is gone', async () => {
    const out = join(folder, 'evicted.json')
    await using fake = await start()
    await create(fake, { env: [{ name: 'OUT', value: out }] })
    const { PID } = await read(out)
    fake.faults.evictPod('a')
    const failed = await until(fake, ({ phase }) => phase === 'Failed')
    expect(failed.object.status).toMatchObject({ reason: 'Evicted' })
    expect(container(failed)?.state?.terminated?.exitCode).toBe(137)
    expect(isAlive(PID)).toBe(false)
  })

  test('whose node is lost stays, and so does its process, until the cluster ends', async () => {
    const out = join(folder, 'lost.json')
    const fake = await start()
    await create(fake, { env: [{ name: 'OUT', value: out }] })
    const { PID } = await read(out)
    fake.faults.loseNode('a')
    await ask(fake, 'DELETE', `${PODS}/a`)
    await anotherLife(fake, 'b')
    expect(fake.pod('a')?.metadata.deletionTimestamp).toBeDefined()
    expect(isAlive(PID)).toBe(true)
    await ask(fake, 'DELETE', `${PODS}/a?gracePeriodSeconds=0`)
    expect(fake.pod('a')).toBeNull()
    await anotherLife(fake, 'b')
    expect(isAlive(PID)).toBe(true)
    await fake[Symbol.asyncDispose]()
    expect(isAlive(PID)).toBe(false)
    expect(existsSync(dirname(fake.kubeconfigPath))).toBe(false)
  })

  test('does not outlive a cluster that is killed', async () => {
    const out = join(folder, 'killed.json')
    const script = `
      import { startFakeKubernetes } from ${JSON.stringify(import.meta.resolve('./index.ts'))}
      import { ask } from ${JSON.stringify(import.meta.resolve('./ask.ts'))}
      const fake = await startFakeKubernetes({ runPods: { entry: ${JSON.stringify(entry)}, env: { DO: 'family', OUT: ${JSON.stringify(out)} } } })
      const spec = { containers: [{ name: 'monitor', image: 'example/worker:1' }] }
      await ask(fake, 'POST', ${JSON.stringify(PODS)}, { body: { metadata: { name: 'a' }, spec } })
      console.log(fake.kubeconfigPath)
    `
    const cluster = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script])
    const [path] = await once(cluster.stdout, 'data')
    const { PID, CHILD } = await read(out)
    cluster.kill('SIGKILL')
    await expect.poll(() => [isAlive(PID), isAlive(CHILD)], { timeout: 5000 }).toEqual([false, false])
    await rm(dirname(String(path)), { recursive: true })
  })
})
