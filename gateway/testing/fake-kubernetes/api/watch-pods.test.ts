import { expect, test } from 'vitest'

import { callApi, collectEvents, type WatchEvent } from '../call-api.ts'
import { startFakeKubernetes, type FakeKubernetes, type Pod, type PolicyRule } from '../index.ts'

const PODS = '/api/v1/namespaces/tallylight/pods'
const ALL: readonly PolicyRule[] = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]

function podOf(name: string, app: string): Pod {
  return { metadata: { name, labels: { app } }, spec: { containers: [{ name: 'monitor', image: 'example/worker:1' }] } }
}

const summarize = (events: readonly WatchEvent[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`)

/** Resolves once that many watches are open. */
async function waitForWatches(fake: FakeKubernetes, count: number): Promise<void> {
  const isOpen = () =>
    fake.calls.filter(({ path, status }) => path.includes('watch=1') && status === 200).length >= count
  while (!isOpen()) await new Promise(setImmediate)
}

test('a Pod that enters the selector of a watch is added, one that leaves it is deleted', async () => {
  await using fake = await startFakeKubernetes({ rules: ALL })
  fake.insertPods([podOf('a', 'x')])
  const { resourceVersion } = JSON.parse((await callApi(fake, 'GET', PODS)).text).metadata
  const relabel = (app: string) =>
    callApi(fake, 'PATCH', `${PODS}/a`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { metadata: { labels: { app } } },
    })
  await relabel('y')
  await relabel('x')
  fake.setPodStatus('a', { phase: 'Failed' })
  fake.faults.deletePod('a')
  const path = `${PODS}?watch=1&labelSelector=app%3Dx&resourceVersion=${resourceVersion}`
  const events = await collectEvents(fake, path, (all) => all.length === 5)
  expect(summarize(events)).toEqual(['DELETED a', 'ADDED a', 'MODIFIED a', 'MODIFIED a', 'DELETED a'])
  expect(events[0]?.object.metadata.labels).toEqual({ app: 'x' })
})

test.each(['', '&resourceVersion=0'])(
  'a watch without a version%s begins with all existing Pods, then continues',
  async (query) => {
    await using fake = await startFakeKubernetes()
    fake.insertPods([podOf('b', 'x'), podOf('a', 'x')])
    const watched = collectEvents(fake, `${PODS}?watch=1${query}`, (all) => all.length === 3)
    await waitForWatches(fake, 1)
    fake.insertPods([podOf('c', 'x')])
    expect(summarize(await watched)).toEqual(['ADDED a', 'ADDED b', 'ADDED c'])
  },
)

test('a watch that requests initial events gets a bookmark after them', async () => {
  await using fake = await startFakeKubernetes()
  fake.insertPods([podOf('a', 'x')])
  const path = `${PODS}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`
  const [added, bookmark] = await collectEvents(fake, path, (all) => all.length === 2)
  expect(added?.type).toBe('ADDED')
  expect(bookmark?.object.metadata).toMatchObject({
    resourceVersion: added?.object.metadata.resourceVersion,
    annotations: { 'k8s.io/initial-events-end': 'true' },
  })
})

test('only watches that accept bookmarks get them, with the current version', async () => {
  await using fake = await startFakeKubernetes()
  const taking = collectEvents(fake, `${PODS}?watch=1&allowWatchBookmarks=true`, (all) => all.length === 1)
  const other = collectEvents(fake, `${PODS}?watch=1`, (all) => all.length === 1)
  await waitForWatches(fake, 2)
  fake.faults.sendBookmarks()
  const [bookmark] = await taking
  expect(bookmark).toMatchObject({ type: 'BOOKMARK', object: { kind: 'Pod', metadata: { resourceVersion: '300' } } })
  fake.insertPods([podOf('a', 'x')])
  expect(summarize(await other)).toEqual(['ADDED a'])
})

test('cut watches end, and can be continued from their version', async () => {
  await using fake = await startFakeKubernetes()
  fake.insertPods([podOf('a', 'x')])
  const { resourceVersion } = JSON.parse((await callApi(fake, 'GET', PODS)).text).metadata
  const cut = collectEvents(fake, `${PODS}?watch=1&resourceVersion=${resourceVersion}`).catch(String)
  await waitForWatches(fake, 1)
  fake.faults.cutWatches()
  expect(await cut).toMatch(/terminated/)
  fake.insertPods([podOf('b', 'x')])
  const again = await collectEvents(
    fake,
    `${PODS}?watch=1&resourceVersion=${resourceVersion}`,
    (all) => all.length === 1,
  )
  expect(summarize(again)).toEqual(['ADDED b'])
})

test('a silenced watch stays open without events and without an end; a new one works', async () => {
  await using fake = await startFakeKubernetes()
  const silent = await fetch(`${fake.url}${PODS}?watch=1&timeoutSeconds=1`, {
    headers: { authorization: `Bearer ${fake.token}` },
  })
  const reader = silent.body?.getReader()
  const firstRead = reader?.read()
  fake.faults.silenceWatches()
  fake.insertPods([podOf('a', 'x')])
  // The new watch ends later than the silenced one would have.
  expect(summarize(await collectEvents(fake, `${PODS}?watch=1&timeoutSeconds=1`))).toEqual(['ADDED a'])
  expect(await Promise.race([firstRead, Promise.resolve('nothing')])).toBe('nothing')
  await reader?.cancel()
})

test('a watch from a compacted version gets an Expired error', async () => {
  await using fake = await startFakeKubernetes()
  fake.insertPods([podOf('a', 'x'), podOf('b', 'x')])
  const { resourceVersion } = fake.pod('a')?.metadata ?? {}
  fake.faults.compact()
  const [error] = await collectEvents(fake, `${PODS}?watch=1&resourceVersion=${resourceVersion}`)
  expect(error).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } })
  const now = fake.pod('b')?.metadata.resourceVersion
  fake.insertPods([podOf('c', 'x')])
  const events = await collectEvents(fake, `${PODS}?watch=1&resourceVersion=${now}`, (all) => all.length === 1)
  expect(summarize(events)).toEqual(['ADDED c'])
})
