import { expect, test } from 'vitest'

import { ask, watch, type WatchEvent } from './ask.ts'
import { startFakeKubernetes, type FakeKubernetes, type Pod, type PolicyRule } from './index.ts'

const PODS = '/api/v1/namespaces/tallylight/pods'
const ALL: readonly PolicyRule[] = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]

function podOf(name: string, app: string): Pod {
  return { metadata: { name, labels: { app } }, spec: { containers: [{ name: 'monitor', image: 'example/worker:1' }] } }
}

const told = (events: readonly WatchEvent[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`)

/** Resolves once that many watches are open. */
async function opened(fake: FakeKubernetes, count: number): Promise<void> {
  const isOpen = () =>
    fake.calls.filter(({ path, status }) => path.includes('watch=1') && status === 200).length >= count
  while (!isOpen()) await new Promise(setImmediate)
}

test('a Pod that comes under a watch’s selector is added to it, one that leaves it is deleted', async () => {
  await using fake = await startFakeKubernetes({ rules: ALL })
  fake.insertPods([podOf('a', 'x')])
  const { resourceVersion } = JSON.parse((await ask(fake, 'GET', PODS)).text).metadata
  const relabel = (app: string) =>
    ask(fake, 'PATCH', `${PODS}/a`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { metadata: { labels: { app } } },
    })
  await relabel('y')
  await relabel('x')
  fake.setPodStatus('a', { phase: 'Failed' })
  fake.faults.deletePod('a')
  const path = `${PODS}?watch=1&labelSelector=app%3Dx&resourceVersion=${resourceVersion}`
  const events = await watch(fake, path, (all) => all.length === 5)
  expect(told(events)).toEqual(['DELETED a', 'ADDED a', 'MODIFIED a', 'MODIFIED a', 'DELETED a'])
  expect(events[0]?.object.metadata.labels).toEqual({ app: 'x' })
})

test.each(['', '&resourceVersion=0'])(
  'a watch with no version%s begins with all that is there, then goes on',
  async (query) => {
    await using fake = await startFakeKubernetes()
    fake.insertPods([podOf('b', 'x'), podOf('a', 'x')])
    const watched = watch(fake, `${PODS}?watch=1${query}`, (all) => all.length === 3)
    await opened(fake, 1)
    fake.insertPods([podOf('c', 'x')])
    expect(told(await watched)).toEqual(['ADDED a', 'ADDED b', 'ADDED c'])
  },
)

test('a watch that asks for the initial events is told when it has had them', async () => {
  await using fake = await startFakeKubernetes()
  fake.insertPods([podOf('a', 'x')])
  const path = `${PODS}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`
  const [added, bookmark] = await watch(fake, path, (all) => all.length === 2)
  expect(added?.type).toBe('ADDED')
  expect(bookmark?.object.metadata).toMatchObject({
    resourceVersion: added?.object.metadata.resourceVersion,
    annotations: { 'k8s.io/initial-events-end': 'true' },
  })
})

test('a bookmark tells the version to those who take it', async () => {
  await using fake = await startFakeKubernetes()
  const taking = watch(fake, `${PODS}?watch=1&allowWatchBookmarks=true`, (all) => all.length === 1)
  const other = watch(fake, `${PODS}?watch=1`, (all) => all.length === 1)
  await opened(fake, 2)
  fake.faults.sendBookmarks()
  const [bookmark] = await taking
  expect(bookmark).toMatchObject({ type: 'BOOKMARK', object: { kind: 'Pod', metadata: { resourceVersion: '300' } } })
  fake.insertPods([podOf('a', 'x')])
  expect(told(await other)).toEqual(['ADDED a'])
})

test('watches that are cut end, and can be taken up where they were', async () => {
  await using fake = await startFakeKubernetes()
  fake.insertPods([podOf('a', 'x')])
  const { resourceVersion } = JSON.parse((await ask(fake, 'GET', PODS)).text).metadata
  const cut = watch(fake, `${PODS}?watch=1&resourceVersion=${resourceVersion}`).catch(String)
  await opened(fake, 1)
  fake.faults.cutWatches()
  expect(await cut).toMatch(/terminated/)
  fake.insertPods([podOf('b', 'x')])
  const again = await watch(fake, `${PODS}?watch=1&resourceVersion=${resourceVersion}`, (all) => all.length === 1)
  expect(told(again)).toEqual(['ADDED b'])
})

test('a watch that has gone silent stays open and says nothing, not even its end; a new one does', async () => {
  await using fake = await startFakeKubernetes()
  const silent = await fetch(`${fake.url}${PODS}?watch=1&timeoutSeconds=1`, {
    headers: { authorization: `Bearer ${fake.token}` },
  })
  const reader = silent.body?.getReader()
  const heard = reader?.read()
  fake.faults.silenceWatches()
  fake.insertPods([podOf('a', 'x')])
  // The new one's time-out comes after the silent one's.
  expect(told(await watch(fake, `${PODS}?watch=1&timeoutSeconds=1`))).toEqual(['ADDED a'])
  expect(await Promise.race([heard, Promise.resolve('nothing')])).toBe('nothing')
  await reader?.cancel()
})

test('a watch from before what is remembered is told so', async () => {
  await using fake = await startFakeKubernetes()
  fake.insertPods([podOf('a', 'x'), podOf('b', 'x')])
  const { resourceVersion } = fake.pod('a')?.metadata ?? {}
  fake.faults.compact()
  const [error] = await watch(fake, `${PODS}?watch=1&resourceVersion=${resourceVersion}`)
  expect(error).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } })
  const now = fake.pod('b')?.metadata.resourceVersion
  fake.insertPods([podOf('c', 'x')])
  const events = await watch(fake, `${PODS}?watch=1&resourceVersion=${now}`, (all) => all.length === 1)
  expect(told(events)).toEqual(['ADDED c'])
})
