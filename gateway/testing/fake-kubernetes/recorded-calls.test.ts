import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { startFakeKubernetes, type FakeKubernetes, type Pod, type PodStatus } from './index.ts'
import { collectEvents, type WatchEvent } from './call-api.ts'
import { replayCall, normalize, RECORDED_CALLS, findRecordedCall, expectedResponse } from './recorded-calls.ts'
import { asPod } from './wire.ts'
import { WAIT } from '../../../shared/testing/until.ts'

/**
 * The programs of the recorded containers, chosen by the Pod's name. A program that gets SIGTERM ends once the file
 * `release` exists, so that a test decides how long its Pod is terminating.
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
  return startFakeKubernetes({ runPods, backoffFactor: 0.001, sandboxEndMs: 20 })
}

/** Expects the fake to respond to a recorded call as the real server did. */
async function expectSame(
  fake: FakeKubernetes,
  name: string,
  options: Parameters<typeof replayCall>[2] = {},
): Promise<void> {
  const recorded = findRecordedCall(name)
  const response = normalize(await replayCall(fake, recorded, options))
  expect({ name, response }).toEqual({ name, response: expectedResponse(recorded) })
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

describe('the fake responds like a recorded API server', () => {
  test('to every call and watch while Pods are created and deleted', async () => {
    await rm(release, { force: true })
    await using fake = await start()
    const since = version(fake)
    await expectSame(fake, 'list when there is none')
    await expectSame(fake, 'create')
    await expectSame(fake, 'create again: 409')
    const first = await collectEvents(fake, `${PODS}?watch=1&resourceVersion=1`, isRunning)
    // A GET may come too late for this state, but the watch has its event.
    expect(normalize(first[1]?.object)).toEqual(normalize(findRecordedCall('get').response.body))
    await expectSame(fake, 'get when running')
    await expectSame(fake, 'list when there is one')
    await expectSame(fake, 'list by page')

    const life = findRecordedCall('watch a life: created, scheduled, running, deleted, gone')
    const path = life.request.path.replace('resourceVersion=338', `resourceVersion=${version(fake)}`)
    const watched = collectEvents(fake, path, isDeleted)
    await expect(replayCall(fake, findRecordedCall('create while the old one terminates: 409'))).resolves.toMatchObject(
      {
        status: 201,
      },
    )
    await collectEvents(fake, `${PODS}?watch=1&fieldSelector=metadata.name%3D${SECOND}&resourceVersion=1`, isRunning)
    await vi.waitFor(() => expect(existsSync(`${release}02`)).toBe(true), WAIT)
    await expectSame(fake, 'delete: answered with the Pod, deletionTimestamp set')
    await collectEvents(fake, `${PODS}?watch=1&resourceVersion=1`, (events) =>
      events.some((event) => statusOf(event).observedGeneration === 2),
    )
    await expectSame(fake, 'delete again while terminating')
    await expectSame(fake, 'create while the old one terminates: 409')
    await writeFile(release, '')
    expect(normalize(await watched)).toEqual(normalize(life.response.events))

    await expectSame(fake, 'delete when gone: 404')
    await expectSame(fake, 'get when gone: 404')
    await expectSame(fake, 'log')
    const all = findRecordedCall('watch from a resourceVersion of the future or too old')
    expect(normalize(await collectEvents(fake, all.request.path, isDeleted))).toEqual(normalize(all.response.events))
    const timed = findRecordedCall('watch with a time-out: the server closes')
    const shorter = timed.request.path.replace('timeoutSeconds=5', 'timeoutSeconds=1').replace('=323', `=${since}`)
    expect(normalize(await collectEvents(fake, shorter))).toEqual(normalize(timed.response.events))
    expect(fake.pods().map(({ metadata }) => metadata.name)).toEqual([FIRST])
  })

  test.each(REFUSED)('to a refused call: %s', async (name) => {
    await using fake = await startFakeKubernetes()
    await expectSame(fake, name)
    expect(fake.pods()).toEqual([])
  })

  test('to calls that are not authenticated', async () => {
    await using fake = await startFakeKubernetes()
    await expectSame(fake, 'no token: 401 or anonymous 403', { token: null })
    await expectSame(fake, 'bad token: 401', { token: 'wrong' })
  })

  test('to a creation beyond the quota, and to one against Pod Security', async () => {
    await using full = await startFakeKubernetes({ namespace: 'full' })
    full.faults.setQuota({ name: 'none', pods: 0 })
    await expectSame(full, 'over quota: 403')
    await using strict = await startFakeKubernetes({ namespace: 'strict', restrictedPods: true })
    await expectSame(strict, 'against Pod Security restricted: 403')
  })

  test.each(STATUSES)('$name', async ({ name, prepare, kill }) => {
    await writeFile(release, '')
    await using fake = await start()
    const wanted = normalize(findRecordedCall(name).response.body)
    const pod = asPod(findRecordedCall(name).response.body)
    prepare?.(fake)
    await replayCall(fake, findRecordedCall('create'), { body: asNew(pod) })
    if (kill === true) {
      await collectEvents(fake, `${PODS}?watch=1&resourceVersion=1`, isRunning)
      fake.faults.killContainer(pod.metadata?.name ?? '', { reason: 'OOMKilled' })
    }
    const landmark = JSON.stringify(landmarkOf(pod.status))
    const events = await collectEvents(fake, `${PODS}?watch=1&resourceVersion=1`, (all) =>
      all.slice(-1).some((event) => JSON.stringify(landmarkOf(statusOf(event))) === landmark),
    )
    expect(normalize(events.at(-1)?.object)).toEqual(wanted)
  })

  test('to a deletion without a grace period', async () => {
    await using fake = await start()
    const forced = findRecordedCall(FORCED)
    await replayCall(fake, findRecordedCall('create'), { body: asNew(asPod(forced.response.body)) })
    await collectEvents(fake, `${PODS}?watch=1&resourceVersion=1`, isRunning)
    await expectSame(fake, FORCED)
    expect(fake.pods()).toEqual([])
  })

  test('to versions whose history was dropped', async () => {
    await using fake = await startFakeKubernetes()
    fake.faults.compact()
    await expectSame(fake, 'list at a compacted resourceVersion (Exact): 410')
    await expectSame(fake, 'continue token that is not one: 400')
    const gone = findRecordedCall('watch from a compacted resourceVersion')
    expect(normalize(await collectEvents(fake, gone.request.path))).toEqual(normalize(gone.response.events))
  })

  test('to every call of the recording', () => {
    const replayed = [...LIFE, ...REFUSED, ...OTHERS, ...STATUSES.map(({ name }) => name), FORCED, ...HISTORY]
    expect(RECORDED_CALLS.map(({ name }) => name).toSorted()).toEqual(replayed.toSorted())
  })
})

/** Returns the parts of a status that distinguish its recorded state from the states before it. */
function landmarkOf(status: PodStatus | undefined): unknown {
  const containers = status?.containerStatuses ?? []
  return [
    status?.phase,
    status?.conditions?.length,
    containers.map(({ state, restartCount }) => [Object.keys(state ?? {}), state?.waiting?.reason, restartCount]),
  ]
}

/** Returns the Pod that was sent to create a recorded one. */
function asNew({ metadata, spec }: Pod): object {
  const { nodeName: _nodeName, tolerations: _tolerations, ...rest } = spec ?? { containers: [] }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: metadata?.name, labels: metadata?.labels }, spec: rest }
}
