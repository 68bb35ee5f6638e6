import { dirname, join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { callApi } from '../call-api.ts'
import {
  runAnotherPod,
  firstContainer,
  createPod,
  folder,
  isAlive,
  isRunning,
  makeFolder,
  PODS,
  readReport,
  removeFolder,
  startCluster,
  waitForStatus,
  isWaitingFor,
  type Container,
} from './kubelet-fixture.ts'

beforeAll(makeFolder)
afterAll(removeFolder)

describe('a container', () => {
  test('has the environment of its Pod and of the tests, and few other variables', async () => {
    const out = join(folder, 'env.json')
    await using fake = await startCluster({ ADDED: 'yes', PLAIN: 'overruled' })
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
    await createPod(
      fake,
      { env, volumeMounts: [{ name: 'w', mountPath: '/work' }] },
      { volumes: [{ name: 'w', emptyDir: {} }] },
    )
    const { WORK, HOME, TMPDIR, PATH, OUT, PID, ...rest } = await readReport(out)
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

  test('is ready once its own health port answers, and restarts when its liveness probe fails', async () => {
    const out = join(folder, 'health.json')
    await using fake = await startCluster()
    const env = [
      { name: 'DO', value: 'serve' },
      { name: 'OUT', value: out },
      { name: 'HEALTH_PORT', value: '8081' },
    ]
    const probe = { httpGet: { path: '/healthz', port: 8081 }, periodSeconds: 1, failureThreshold: 1 }
    await createPod(fake, { env, readinessProbe: probe, livenessProbe: { ...probe, failureThreshold: 3 } })
    await waitForStatus(
      fake,
      ({ conditions }) => conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true,
    )
    const { HEALTH_PORT } = await readReport(out)
    expect(HEALTH_PORT).not.toBe('8081')
    await fetch(`http://127.0.0.1:${HEALTH_PORT}/die`)
    const restarted = await waitForStatus(
      fake,
      ({ containerStatuses }) => (containerStatuses?.[0]?.restartCount ?? 0) > 0,
    )
    expect(firstContainer(restarted)?.lastState?.terminated).toMatchObject({ exitCode: 143, reason: 'Error' })
  })

  test('that references a Secret waits until it exists', async () => {
    await using fake = await startCluster({}, { backoffFactor: 1 })
    const valueFrom = { secretKeyRef: { name: 'late', key: 'key' } }
    await createPod(fake, { env: [{ name: 'SECRET', valueFrom }] })
    const waiting = await waitForStatus(fake, isWaitingFor('CreateContainerConfigError'))
    expect(firstContainer(waiting)?.state?.waiting?.message).toBe('secret "late" not found')
    fake.setSecret('late', { key: 'x' })
    await waitForStatus(fake, isRunning)
  })

  test('that fails restarts with backoff, and its last log lines become its termination message', async () => {
    await using fake = await startCluster()
    await createPod(fake, { env: [{ name: 'DO', value: 'fail' }], terminationMessagePolicy: 'FallbackToLogsOnError' })
    const third = await waitForStatus(
      fake,
      ({ containerStatuses }) =>
        containerStatuses?.[0]?.restartCount === 2 && containerStatuses[0].state?.waiting !== undefined,
    )
    const { uid } = third.object.metadata
    expect(firstContainer(third)?.state?.waiting).toEqual({
      reason: 'CrashLoopBackOff',
      message: `back-off 20s restarting failed container=monitor pod=a_tallylight(${uid})`,
    })
    expect(third.object.status).toMatchObject({ phase: 'Running', containerStatuses: [{ ready: false }] })
    const said = firstContainer(third)?.lastState?.terminated?.message ?? ''
    expect(said.split('\n')).toEqual([...Array.from({ length: 80 }, (_, index) => `line ${index + 21}`), ''])
    const tail = await callApi(fake, 'GET', `${PODS}/a/log?tailLines=1&previous=true`)
    expect(tail).toMatchObject({ status: 200, text: 'line 100\n' })
  })

  test('that fails after a long log has its last 2048 bytes as the termination message', async () => {
    await using fake = await startCluster()
    const env = [{ name: 'DO', value: 'shout' }]
    await createPod(fake, { env, terminationMessagePolicy: 'FallbackToLogsOnError' }, { restartPolicy: 'Never' })
    const failed = await waitForStatus(fake, ({ phase }) => phase === 'Failed')
    expect(firstContainer(failed)?.state?.terminated?.message).toBe(`${'a'.repeat(2047)}\n`)
  })

  test('that succeeds does not restart, and has no termination message', async () => {
    await using fake = await startCluster()
    const env = [{ name: 'DO', value: 'end' }]
    await createPod(fake, { env, terminationMessagePolicy: 'FallbackToLogsOnError' })
    await waitForStatus(fake, ({ phase }) => phase === 'Succeeded')
    await runAnotherPod(fake, 'b')
    const { phase, containerStatuses } = fake.pod('a')?.status ?? {}
    expect({ phase, restarts: containerStatuses?.[0]?.restartCount }).toEqual({ phase: 'Succeeded', restarts: 0 })
    expect(containerStatuses?.[0]?.state?.terminated?.message).toBeUndefined()
  })

  test('that runs out of memory reports OOMKilled', async () => {
    await using fake = await startCluster({}, { backoffFactor: 1 })
    await createPod(fake, {})
    await waitForStatus(fake, isRunning)
    fake.faults.killContainer('a', { reason: 'OOMKilled' })
    const again = await waitForStatus(fake, ({ containerStatuses }) => containerStatuses?.[0]?.restartCount === 1)
    expect(firstContainer(again)?.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' })
  })

  test('whose image cannot be pulled is retried', async () => {
    await using fake = await startCluster({}, { backoffFactor: 1 })
    fake.faults.setImageProblem('ErrImagePull')
    await createPod(fake, {})
    const refused = await waitForStatus(fake, isWaitingFor('ErrImagePull'))
    const why = firstContainer(refused)?.state?.waiting?.message ?? ''
    expect(why).toContain('failed to pull and unpack image "docker.io/example/worker:1"')
    const waiting = await waitForStatus(fake, isWaitingFor('ImagePullBackOff'))
    expect(firstContainer(waiting)?.state?.waiting?.message).toBe(
      `Back-off pulling image "example/worker:1": ErrImagePull: ${why}`,
    )
    fake.faults.setImageProblem(null)
    await waitForStatus(fake, isRunning)
  })
})
