import { describe, expect, test } from 'vitest'

import { callApi, collectEvents, type CallResult } from '../call-api.ts'
import { startFakeKubernetes, type FakeKubernetes, type Pod, type PolicyRule } from '../index.ts'

const PODS = '/api/v1/namespaces/tallylight/pods'
const ALL: readonly PolicyRule[] = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]

function podOf(name: string, labels: Readonly<Record<string, string>> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: { restartPolicy: 'OnFailure', containers: [{ name: 'monitor', image: 'example/worker:1' }] },
  }
}

const json = ({ text }: CallResult) => JSON.parse(text)
const names = (reply: CallResult): string[] => json(reply).items.map((pod: Pod) => pod.metadata?.name)

function list(fake: FakeKubernetes, query: Readonly<Record<string, string>>): Promise<CallResult> {
  return callApi(fake, 'GET', `${PODS}?${new URLSearchParams(query).toString()}`)
}

describe('deletion', () => {
  test.each([
    ['uid', 'the UID in the precondition (other) does not match the UID in record ('],
    [
      'resourceVersion',
      'the ResourceVersion in the precondition (other) does not match the ResourceVersion in record (',
    ],
  ])('is refused with 409 if the %s in the precondition does not match', async (field, wording) => {
    await using fake = await startFakeKubernetes()
    fake.insertPods([podOf('a')])
    const reply = await callApi(fake, 'DELETE', `${PODS}/a`, { body: { preconditions: { [field]: 'other' } } })
    expect(reply.status).toBe(409)
    expect(json(reply)).toMatchObject({ reason: 'Conflict', details: { name: 'a', kind: 'Pod' } })
    expect(json(reply).message).toContain(`Operation cannot be fulfilled on Pod "a": ${wording}`)
    expect(fake.pod('a')?.metadata.deletionTimestamp).toBeUndefined()
  })

  test('succeeds if the preconditions match', async () => {
    await using fake = await startFakeKubernetes()
    fake.insertPods([podOf('a')])
    const { uid, resourceVersion } = fake.pod('a')?.metadata ?? {}
    const reply = await callApi(fake, 'DELETE', `${PODS}/a`, { body: { preconditions: { uid, resourceVersion } } })
    expect(reply.status).toBe(200)
    expect(json(reply).metadata).toMatchObject({ uid, deletionGracePeriodSeconds: 30 })
  })

  test.each([
    ['is on no node', { phase: 'Pending' }],
    ['has succeeded', { phase: 'Succeeded' }],
    ['has failed', { phase: 'Failed' }],
  ])('takes effect at once if the Pod %s', async (_, status) => {
    await using fake = await startFakeKubernetes()
    fake.insertPods([{ ...podOf('a'), status }])
    const reply = await callApi(fake, 'DELETE', `${PODS}/a`, { body: { gracePeriodSeconds: 30 } })
    expect(json(reply).metadata).toMatchObject({ deletionGracePeriodSeconds: 0 })
    expect(fake.pod('a')).toBeNull()
  })

  test('takes its grace period from the body, the query or the Pod, and can only be shortened later', async () => {
    await using fake = await startFakeKubernetes()
    fake.insertPods([podOf('a')])
    fake.faults.ignoreSigterm('a')
    const graceAfter = async (path: string, body?: unknown) =>
      json(await callApi(fake, 'DELETE', `${PODS}/a${path}`, { body })).metadata.deletionGracePeriodSeconds
    expect(await graceAfter('?gracePeriodSeconds=25')).toBe(25)
    expect(await graceAfter('', { gracePeriodSeconds: 40 })).toBe(25)
    expect(await graceAfter('')).toBe(25)
    expect(await graceAfter('?gracePeriodSeconds=5', { gracePeriodSeconds: 20 })).toBe(20)
    expect(await graceAfter('', { gracePeriodSeconds: 0 })).toBe(0)
    expect(fake.pod('a')).toBeNull()
  })
})

describe('a list', () => {
  test.each([
    ['labelSelector', 'app=x', ['a', 'b']],
    ['labelSelector', 'app==x,tier!=front', ['b']],
    ['labelSelector', 'app in (x, y)', ['a', 'b', 'c']],
    ['labelSelector', 'app notin (x)', ['c', 'd']],
    ['labelSelector', 'tier', ['a']],
    ['labelSelector', '!app', ['d']],
    ['labelSelector', 'app in (x,y),!tier', ['b', 'c']],
    ['fieldSelector', 'metadata.name=b', ['b']],
    ['fieldSelector', 'metadata.name!=b,status.phase=Running', ['a', 'c', 'd']],
  ])('contains the Pods that match its %s %s', async (selector, rule, wanted) => {
    await using fake = await startFakeKubernetes()
    fake.insertPods([
      podOf('d'),
      podOf('b', { app: 'x' }),
      podOf('c', { app: 'y' }),
      podOf('a', { app: 'x', tier: 'front' }),
    ])
    expect(names(await list(fake, { [selector]: rule }))).toEqual(wanted)
  })

  test.each([
    [{ labelSelector: 'a b' }, 400],
    [{ fieldSelector: 'spec.unknown=1' }, 400],
    [{ resourceVersion: 'x' }, 400],
    [{ continue: 'x' }, 400],
    [{ resourceVersion: '100000' }, 504],
  ])('of %j is refused with %i', async (query, status) => {
    await using fake = await startFakeKubernetes()
    expect((await list(fake, query)).status).toBe(status)
  })

  test('in pages is consistent, whatever changes between the pages', async () => {
    await using fake = await startFakeKubernetes()
    fake.insertPods(['a', 'b', 'c', 'd'].map((name) => podOf(name)))
    const first = await list(fake, { limit: '3' })
    expect(json(first).metadata.remainingItemCount).toBe(1)
    fake.faults.deletePod('d')
    fake.insertPods([podOf('e')])
    const second = await list(fake, { limit: '3', continue: json(first).metadata.continue })
    expect([...names(first), ...names(second)]).toEqual(['a', 'b', 'c', 'd'])
    expect(json(second).metadata).toEqual({ resourceVersion: json(first).metadata.resourceVersion })
    expect(names(await list(fake, {}))).toEqual(['a', 'b', 'c', 'e'])
  })

  test('in pages whose version is compacted is 410, and can go on with the current state', async () => {
    await using fake = await startFakeKubernetes()
    fake.insertPods(['a', 'b', 'c'].map((name) => podOf(name)))
    const first = await list(fake, { limit: '2' })
    fake.insertPods([podOf('d')])
    fake.faults.compact()
    const gone = await list(fake, { limit: '2', continue: json(first).metadata.continue })
    expect(gone.status).toBe(410)
    expect(names(await list(fake, { limit: '2', continue: json(gone).metadata.continue }))).toEqual(['c', 'd'])
  })

  test('of an exact version shows the state of that version', async () => {
    await using fake = await startFakeKubernetes()
    fake.insertPods([podOf('a')])
    const { resourceVersion } = json(await list(fake, {})).metadata
    fake.setPodStatus('a', { phase: 'Failed' })
    const then = await list(fake, { resourceVersion, resourceVersionMatch: 'Exact' })
    expect(json(then).items[0].status.phase).toBe('Running')
    expect(json(await list(fake, { resourceVersion })).items[0].status.phase).toBe('Failed')
  })
})

describe('an update', () => {
  const merge = { 'content-type': 'application/merge-patch+json' }

  test('of labels by merge patch creates a new version, but only if something changes', async () => {
    await using fake = await startFakeKubernetes({ rules: ALL })
    fake.insertPods([podOf('a', { app: 'x', old: '1' })])
    const patch = () =>
      callApi(fake, 'PATCH', `${PODS}/a`, { headers: merge, body: { metadata: { labels: { old: null, fresh: '2' } } } })
    const { metadata } = json(await patch())
    expect(metadata.labels).toEqual({ app: 'x', fresh: '2' })
    expect(json(await patch()).metadata.resourceVersion).toBe(metadata.resourceVersion)
  })

  test('of the spec is refused, as is one of an outdated version', async () => {
    await using fake = await startFakeKubernetes({ rules: ALL })
    fake.insertPods([podOf('a')])
    const spec = await callApi(fake, 'PATCH', `${PODS}/a`, {
      headers: merge,
      body: { spec: { restartPolicy: 'Never' } },
    })
    expect(spec.status).toBe(422)
    expect(json(spec).message).toContain('spec: Forbidden: pod updates may not change fields other than')
    const late = { metadata: { resourceVersion: '1', labels: {} } }
    const conflict = await callApi(fake, 'PATCH', `${PODS}/a`, { headers: merge, body: late })
    expect(json(conflict)).toMatchObject({
      code: 409,
      message:
        'Operation cannot be fulfilled on pods "a": the object has been modified; please apply your changes to the latest version and try again',
    })
  })

  test('of the status by strategic patch keeps other conditions, and the spec', async () => {
    await using fake = await startFakeKubernetes({ rules: ALL })
    fake.insertPods([podOf('a')])
    const conditions = [{ type: 'Ready', status: 'False', reason: 'Told' }]
    const reply = await callApi(fake, 'PATCH', `${PODS}/a/status`, {
      headers: { 'content-type': 'application/strategic-merge-patch+json' },
      body: { spec: { restartPolicy: 'Never' }, status: { $setElementOrder: [], conditions } },
    })
    const { spec, status } = json(reply)
    expect(spec.restartPolicy).toBe('OnFailure')
    expect(status.conditions).toHaveLength(5)
    expect(status.conditions.find(({ type }: { type: string }) => type === 'Ready')).toMatchObject({ reason: 'Told' })
  })

  test('of the status by PUT replaces it', async () => {
    await using fake = await startFakeKubernetes({ rules: ALL })
    fake.insertPods([podOf('a')])
    const pod = json(await callApi(fake, 'GET', `${PODS}/a`))
    const reply = await callApi(fake, 'PUT', `${PODS}/a/status`, { body: { ...pod, status: { phase: 'Failed' } } })
    expect(reply.status).toBe(200)
    expect(fake.pod('a')?.status).toEqual({ phase: 'Failed' })
  })

  test('in an unsupported format is 415', async () => {
    await using fake = await startFakeKubernetes({ rules: ALL })
    fake.insertPods([podOf('a')])
    const headers = { 'content-type': 'application/json-patch+json' }
    expect((await callApi(fake, 'PATCH', `${PODS}/a`, { headers, body: [] })).status).toBe(415)
  })
})

describe('a creation', () => {
  test('of a Pod with a field of the wrong type is 400, with the message of the decoder', async () => {
    await using fake = await startFakeKubernetes()
    const reply = await callApi(fake, 'POST', PODS, { body: { ...podOf('a'), spec: { containers: [{ name: 1 }] } } })
    expect(reply.status).toBe(400)
    expect(json(reply).message).toBe(
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string',
    )
  })

  test.each([
    [{ kind: 'Service' }, /^Service in version "v1" cannot be handled as a Pod: /],
    [{ apiVersion: 'v2' }, /^the API version in the data \(v2\) does not match the expected API version \(v1\)$/],
    [{ metadata: { name: 'a', namespace: 'other' } }, /^the namespace of the provided object does not match /],
  ])('with %j, which contradicts the path, is 400', async (said, message) => {
    await using fake = await startFakeKubernetes()
    const reply = await callApi(fake, 'POST', PODS, { body: { ...podOf('a'), ...said } })
    expect(reply.status).toBe(400)
    expect(json(reply).message).toMatch(message)
  })

  test('reports all problems at once', async () => {
    await using fake = await startFakeKubernetes()
    const containers = [{ name: 'monitor', volumeMounts: [{ name: 'none', mountPath: '/x' }] }]
    const metadata = { name: 'a', labels: { app: '-' } }
    const reply = await callApi(fake, 'POST', PODS, { body: { ...podOf('a'), metadata, spec: { containers } } })
    expect(reply.status).toBe(422)
    const fields = json(reply).details.causes.map(({ field }: { field: string }) => field)
    expect(fields).toEqual(['metadata.labels', 'spec.containers[0].image', 'spec.containers[0].volumeMounts[0].name'])
    expect(json(reply).message).toMatch(
      /^Pod "a" is invalid: \[metadata\.labels: Invalid value: "-": a valid label .*\]$/,
    )
  })

  test('of a Pod that complies with Pod Security restricted is admitted', async () => {
    await using fake = await startFakeKubernetes({ restrictedPods: true })
    const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
    const body = {
      ...podOf('a'),
      spec: {
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [{ name: 'monitor', image: 'example/worker:1', securityContext }],
        volumes: [{ name: 'tmp', emptyDir: {} }],
      },
    }
    expect((await callApi(fake, 'POST', PODS, { body })).status).toBe(201)
  })

  test('of one name by many concurrent calls succeeds once', async () => {
    await using fake = await startFakeKubernetes()
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => callApi(fake, 'POST', PODS, { body: podOf('a') })),
    )
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(19)
  })
})

test('thousands of complete Pods are inserted at once, and one list contains all of them', async () => {
  await using fake = await startFakeKubernetes()
  fake.insertPods(Array.from({ length: 5000 }, (_, index) => podOf(`p-${index}`, { app: 'x' })))
  const reply = await list(fake, { labelSelector: 'app=x' })
  expect(reply.headers.get('content-encoding')).toBe('gzip')
  expect(names(reply)).toHaveLength(5000)
  const [pod] = json(reply).items
  expect(pod.status.containerStatuses[0]).toMatchObject({ ready: true, state: { running: {} } })
  expect(pod.metadata.managedFields).toHaveLength(2)
  const [event] = await collectEvents(fake, `${PODS}?watch=1&resourceVersion=300`, () => true)
  expect(event?.object.metadata.name).toBe('p-0')
})
