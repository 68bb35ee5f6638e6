import { dirname, join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ask } from './ask.ts'
import {
  anotherLife,
  container,
  create,
  folder,
  isAlive,
  isRunning,
  makeFolder,
  PODS,
  read,
  removeFolder,
  start,
  until,
  waitsFor,
  type Container,
} from './kubelet-fixture.ts'

beforeAll(makeFolder)
afterAll(removeFolder)

describe('a container', () => {
  test('has its Pod’s environment, what the tests add, and little else', async () => {
    const out = join(folder, 'env.json')
    await using fake = await start({ ADDED: 'yes', PLAIN: 'overruled' })
    fake.setSecret('tallylight', { key: 's3cret' })
    const env: Container['env'] = [
      { name: 'OUT', value: out },
      { name: 'PLAIN', value: 'plain' },
      { name: 'COMPOSED', value: '$(PLAIN)-$$(PLAIN)' },
      { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'tallylight', key: 'key' } } },
      { name: 'ABSENT', valueFrom: { secretKeyRef: { name: 'tallylight', key: 'none', optional: true } } },
      { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
      { name: 'WORK', value: '/work/cache' },
    ]
    await create(
      fake,
      { env, volumeMounts: [{ name: 'w', mountPath: '/work' }] },
      { volumes: [{ name: 'w', emptyDir: {} }] },
    )
    const { WORK, HOME, TMPDIR, PATH, OUT, PID, ...rest } = await read(out)
    expect(rest).toEqual({
      ADDED: 'yes',
      PLAIN: 'plain',
      COMPOSED: 'plain-$(PLAIN)',
      SECRET: 's3cret',
      POD: 'a',
      NAMESPACE: 'tallylight',
      HOSTNAME: 'a',
    })
    const own = join(dirname(fake.kubeconfigPath), 'pods', fake.pod('a')?.metadata.uid ?? '')
    expect({ WORK, HOME, TMPDIR, PATH, OUT }).toEqual({
      WORK: join(own, 'volumes/w/cache'),
      HOME: own,
      TMPDIR: join(own, 'tmp'),
      PATH: process.env['PATH'],
      OUT: out,
    })
    expect(isAlive(PID)).toBe(true)
  })

  test('is ready once it answers at its health port, which is its own; and starts anew when it is no more alive', async () => {
    const out = join(folder, 'health.json')
    await using fake = await start()
    const env = [
      { name: 'DO', value: 'serve' },
      { name: 'OUT', value: out },
      { name: 'HEALTH_PORT', value: '8081' },
    ]
    const probe = { httpGet: { path: '/healthz', port: 8081 }, periodSeconds: 1, failureThreshold: 1 }
    await create(fake, { env, readinessProbe: probe, livenessProbe: { ...probe, failureThreshold: 3 } })
    await until(
      fake,
      ({ conditions }) => conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true,
    )
    const { HEALTH_PORT } = await read(out)
    expect(HEALTH_PORT).not.toBe('8081')
    await fetch(`http://127.0.0.1:${HEALTH_PORT}/die`)
    const restarted = await until(fake, ({ containerStatuses }) => (containerStatuses?.[0]?.restartCount ?? 0) > 0)
    expect(container(restarted)?.lastState?.terminated).toMatchObject({ exitCode: 143, reason: 'Error' })
  })

  test('that needs a Secret waits until it is there', async () => {
    await using fake = await start({}, { backoffFactor: 1 })
    const valueFrom = { secretKeyRef: { name: 'late', key: 'key' } }
    await create(fake, { env: [{ name: 'SECRET', valueFrom }] })
    const waiting = await until(fake, waitsFor('CreateContainerConfigError'))
    expect(container(waiting)?.state?.waiting?.message).toBe('secret "late" not found')
    fake.setSecret('late', { key: 'x' })
    await until(fake, isRunning)
  })

  test('that fails is started again with growing waits, and its last words are kept', async () => {
    await using fake = await start()
    await create(fake, { env: [{ name: 'DO', value: 'fail' }], terminationMessagePolicy: 'FallbackToLogsOnError' })
    const third = await until(
      fake,
      ({ containerStatuses }) =>
        containerStatuses?.[0]?.restartCount === 2 && containerStatuses[0].state?.waiting !== undefined,
    )
    const { uid } = third.object.metadata
    expect(container(third)?.state?.waiting).toEqual({
      reason: 'CrashLoopBackOff',
      message: `back-off 20s restarting failed container=monitor pod=a_tallylight(${uid})`,
    })
    expect(third.object.status).toMatchObject({ phase: 'Running', containerStatuses: [{ ready: false }] })
    const said = container(third)?.lastState?.terminated?.message ?? ''
    expect(said.split('\n')).toEqual([...Array.from({ length: 80 }, (_, index) => `line ${index + 21}`), ''])
    const tail = await ask(fake, 'GET', `${PODS}/a/log?tailLines=1&previous=true`)
    expect(tail).toMatchObject({ status: 200, text: 'line 100\n' })
  })

  test('that fails with much to say is quoted with its last 2048 bytes', async () => {
    await using fake = await start()
    const env = [{ name: 'DO', value: 'shout' }]
    await create(fake, { env, terminationMessagePolicy: 'FallbackToLogsOnError' }, { restartPolicy: 'Never' })
    const failed = await until(fake, ({ phase }) => phase === 'Failed')
    expect(container(failed)?.state?.terminated?.message).toBe(`${'a'.repeat(2047)}\n`)
  })

  test('that ends well is not started again, and quotes nothing', async () => {
    await using fake = await start()
    const env = [{ name: 'DO', value: 'end' }]
    await create(fake, { env, terminationMessagePolicy: 'FallbackToLogsOnError' })
    await until(fake, ({ phase }) => phase === 'Succeeded')
    await anotherLife(fake, 'b')
    const { phase, containerStatuses } = fake.pod('a')?.status ?? {}
    expect({ phase, restarts: containerStatuses?.[0]?.restartCount }).toEqual({ phase: 'Succeeded', restarts: 0 })
    expect(containerStatuses?.[0]?.state?.terminated?.message).toBeUndefined()
  })

  test('that is killed for its memory says so', async () => {
    await using fake = await start({}, { backoffFactor: 1 })
    await create(fake, {})
    await until(fake, isRunning)
    fake.faults.killContainer('a', { reason: 'OOMKilled' })
    const again = await until(fake, ({ containerStatuses }) => containerStatuses?.[0]?.restartCount === 1)
    expect(container(again)?.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' })
  })

  test('whose image cannot be pulled is tried again', async () => {
    await using fake = await start({}, { backoffFactor: 1 })
    fake.faults.setImageProblem('ErrImagePull')
    await create(fake, {})
    const refused = await until(fake, waitsFor('ErrImagePull'))
    const why = container(refused)?.state?.waiting?.message ?? ''
    expect(why).toContain('failed to pull and unpack image "docker.io/example/worker:1"')
    const waiting = await until(fake, waitsFor('ImagePullBackOff'))
    expect(container(waiting)?.state?.waiting?.message).toBe(
      `Back-off pulling image "example/worker:1": ErrImagePull: ${why}`,
    )
    fake.faults.setImageProblem(null)
    await until(fake, isRunning)
  })
})
