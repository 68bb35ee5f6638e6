import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { startFakeKubernetes, type FakeKubernetes, type Pod, type PodStatus } from './index.ts'
import { watch, type WatchEvent } from './ask.ts'
import { call, plain, RECORDED, recorded, told } from './recorded.ts'
import { asPod } from './wire.ts'

/**
 * What the recorded containers did, told by the Pod's name. One that is told to end does so once `release` is there,
 * so that a Pod is terminating for as long as a test needs it to be.
 */
const ENTRY = `
import { existsSync, writeFileSync } from 'node:fs'
const run = process.env.HOSTNAME.slice(-2)
if (run === '11' || run === '12') { console.log('boom'); process.exitCode = 3 }
else if (run !== '15') setInterval(() => undefined, 1000)
process.on('SIGTERM', () => setInterval(() => { if (existsSync(process.env.RELEASE)) process.exit(0) }, 10))
writeFileSync(process.env.RELEASE + run, '')
`
const PODS = '/api/v1/namespaces/tallylight/pods'
const FIRST = 'stream-monitor-mon-0190a5c8-e4b0-7d8a-9c1d-2e3f4a5b6c01'
const SECOND = 'stream-monitor-mon-0190a5c8-e4b0-7d8a-9c1d-2e3f4a5b6c02'

let folder = ''
let release = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recorded-'))
  release = join(folder, 'release')
  await writeFile(join(folder, 'entry.mjs'), ENTRY)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function start(): Promise<FakeKubernetes> {
  const runPods = { entry: join(folder, 'entry.mjs'), env: { RELEASE: release } }
  return startFakeKubernetes({ runPods, backoffFactor: 0.001 })
}

/** Expects the fake to answer a recorded call as the real server did. */
async function expectSame(fake: FakeKubernetes, name: string, options: Parameters<typeof call>[2] = {}): Promise<void> {
  const one = recorded(name)
  expect({ name, heard: plain(await call(fake, one, options)) }).toEqual({ name, heard: told(one) })
}

function version(fake: FakeKubernetes): string {
  return String(Math.max(300, ...fake.pods().map(({ metadata }) => Number(metadata.resourceVersion))))
}

const statusOf = ({ object }: WatchEvent) => object.status
const isRunning = (events: readonly WatchEvent[]) => events.some((event) => statusOf(event).phase === 'Running')
const isDeleted = (events: readonly WatchEvent[]) => events.at(-1)?.type === 'DELETED'

const LIFE = [
  'list when there is none',
  'create',
  'create again: 409',
  'get',
  'get when running',
  'list when there is one',
  'list by page',
  'delete: answered with the Pod, deletionTimestamp set',
  'delete again while terminating',
  'create while the old one terminates: 409',
  'watch a life: created, scheduled, running, deleted, gone',
  'delete when gone: 404',
  'get when gone: 404',
  'log',
  'watch from a resourceVersion of the future or too old',
  'watch with a time-out: the server closes',
]

const REFUSED = [
  'invalid name: 422',
  'invalid spec: 422',
  'unknown field with strict validation: 400',
  'unknown field without: a Warning header',
  'other namespace: 403',
  'secrets: 403',
  'namespace that does not exist: 404 or 403',
]
const OTHERS = [
  'no token: 401 or anonymous 403',
  'bad token: 401',
  'over quota: 403',
  'against Pod Security restricted: 403',
]

type Status = { readonly name: string; readonly prepare?: (fake: FakeKubernetes) => void; readonly kill?: boolean }

const STATUSES: readonly Status[] = [
  { name: 'Pod status: exit 3, restartPolicy Never: Failed' },
  { name: 'Pod status: exit 3, restartPolicy OnFailure: restarting, CrashLoopBackOff' },
  { name: 'Pod status: OOMKilled, restartPolicy Never', kill: true },
  { name: 'Pod status: OOMKilled, restartPolicy OnFailure: restarted', kill: true },
  { name: 'Pod status: exit 0: Succeeded' },
  {
    name: 'Pod status: image that is not there',
    prepare: ({ faults }) => faults.setImageProblem('ErrImageNeverPull'),
  },
  { name: 'Pod status: unschedulable', prepare: ({ faults }) => faults.setSchedulable(false) },
  { name: 'Pod status: activeDeadlineSeconds passed' },
  { name: 'Pod status: not ready by its probe' },
]
const FORCED = 'evict by deletion with grace 0'
const HISTORY = [
  'list at a compacted resourceVersion (Exact): 410',
  'watch from a compacted resourceVersion',
  'continue token that is not one: 400',
]

describe('the fake answers as a real API server did', () => {
  test('when Pods come and go, to every call and every watch', async () => {
    await rm(release, { force: true })
    await using fake = await start()
    const since = version(fake)
    await expectSame(fake, 'list when there is none')
    await expectSame(fake, 'create')
    await expectSame(fake, 'create again: 409')
    const first = await watch(fake, `${PODS}?watch=1&resourceVersion=1`, isRunning)
    // A moment later it would be another answer: what a GET gave then is what the watch told then.
    expect(plain(first[1]?.object)).toEqual(plain(recorded('get').response.body))
    await expectSame(fake, 'get when running')
    await expectSame(fake, 'list when there is one')
    await expectSame(fake, 'list by page')

    const life = recorded('watch a life: created, scheduled, running, deleted, gone')
    const path = life.request.path.replace('resourceVersion=338', `resourceVersion=${version(fake)}`)
    const watched = watch(fake, path, isDeleted)
    await expect(call(fake, recorded('create while the old one terminates: 409'))).resolves.toMatchObject({
      status: 201,
    })
    await watch(fake, `${PODS}?watch=1&fieldSelector=metadata.name%3D${SECOND}&resourceVersion=1`, isRunning)
    await vi.waitFor(() => expect(existsSync(`${release}02`)).toBe(true), 10_000)
    await expectSame(fake, 'delete: answered with the Pod, deletionTimestamp set')
    await watch(fake, `${PODS}?watch=1&resourceVersion=1`, (events) =>
      events.some((event) => statusOf(event).observedGeneration === 2),
    )
    await expectSame(fake, 'delete again while terminating')
    await expectSame(fake, 'create while the old one terminates: 409')
    await writeFile(release, '')
    expect(plain(await watched)).toEqual(plain(life.response.events))

    await expectSame(fake, 'delete when gone: 404')
    await expectSame(fake, 'get when gone: 404')
    await expectSame(fake, 'log')
    const all = recorded('watch from a resourceVersion of the future or too old')
    expect(plain(await watch(fake, all.request.path, isDeleted))).toEqual(plain(all.response.events))
    const timed = recorded('watch with a time-out: the server closes')
    const shorter = timed.request.path.replace('timeoutSeconds=5', 'timeoutSeconds=1').replace('=323', `=${since}`)
    expect(plain(await watch(fake, shorter))).toEqual(plain(timed.response.events))
    expect(fake.pods().map(({ metadata }) => metadata.name)).toEqual([FIRST])
  })

  test.each(REFUSED)('to what it is asked in vain: %s', async (name) => {
    await using fake = await startFakeKubernetes()
    await expectSame(fake, name)
    expect(fake.pods()).toEqual([])
  })

  test('to those whom it does not know', async () => {
    await using fake = await startFakeKubernetes()
    await expectSame(fake, 'no token: 401 or anonymous 403', { token: null })
    await expectSame(fake, 'bad token: 401', { token: 'wrong' })
  })

  test('when a namespace is full, or strict', async () => {
    await using full = await startFakeKubernetes({ namespace: 'full' })
    full.faults.setQuota({ name: 'none', pods: 0 })
    await expectSame(full, 'over quota: 403')
    await using strict = await startFakeKubernetes({ namespace: 'strict', restrictedPods: true })
    await expectSame(strict, 'against Pod Security restricted: 403')
  })

  test.each(STATUSES)('$name', async ({ name, prepare, kill }) => {
    await writeFile(release, '')
    await using fake = await start()
    const wanted = plain(recorded(name).response.body)
    const pod = asPod(recorded(name).response.body)
    prepare?.(fake)
    await call(fake, recorded('create'), { body: asNew(pod) })
    if (kill === true) {
      await watch(fake, `${PODS}?watch=1&resourceVersion=1`, isRunning)
      fake.faults.killContainer(pod.metadata?.name ?? '', { reason: 'OOMKilled' })
    }
    const landmark = JSON.stringify(landmarkOf(pod.status))
    const events = await watch(fake, `${PODS}?watch=1&resourceVersion=1`, (all) =>
      all.slice(-1).some((event) => JSON.stringify(landmarkOf(statusOf(event))) === landmark),
    )
    expect(plain(events.at(-1)?.object)).toEqual(wanted)
  })

  test('when a Pod is deleted with no grace', async () => {
    await using fake = await start()
    const forced = recorded(FORCED)
    await call(fake, recorded('create'), { body: asNew(asPod(forced.response.body)) })
    await watch(fake, `${PODS}?watch=1&resourceVersion=1`, isRunning)
    await expectSame(fake, FORCED)
    expect(fake.pods()).toEqual([])
  })

  test('when history is gone', async () => {
    await using fake = await startFakeKubernetes()
    fake.faults.compact()
    await expectSame(fake, 'list at a compacted resourceVersion (Exact): 410')
    await expectSame(fake, 'continue token that is not one: 400')
    const gone = recorded('watch from a compacted resourceVersion')
    expect(plain(await watch(fake, gone.request.path))).toEqual(plain(gone.response.events))
  })

  test('and nothing recorded is left out', () => {
    const replayed = [...LIFE, ...REFUSED, ...OTHERS, ...STATUSES.map(({ name }) => name), FORCED, ...HISTORY]
    expect(RECORDED.map(({ name }) => name).toSorted()).toEqual(replayed.toSorted())
  })
})

/** What tells the moment at which a status was recorded from those before it. */
function landmarkOf(status: PodStatus | undefined): unknown {
  const containers = status?.containerStatuses ?? []
  return [
    status?.phase,
    status?.conditions?.length,
    containers.map(({ state, restartCount }) => [Object.keys(state ?? {}), state?.waiting?.reason, restartCount]),
  ]
}

/** A Pod as it was before it was created. */
function asNew({ metadata, spec }: Pod): object {
  const { nodeName: _nodeName, tolerations: _tolerations, ...rest } = spec ?? { containers: [] }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: metadata?.name, labels: metadata?.labels }, spec: rest }
}
