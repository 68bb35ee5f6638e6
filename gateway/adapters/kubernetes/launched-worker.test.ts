import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { isNodeLost, Pod } from './pod.ts'
import { splitLastLines, toLaunchedWorker } from './launched-worker.ts'
import { MONITOR_ROLE } from './testing/roles.ts'
import { RECORDED_WATCH_EVENTS, RECORDED_PODS } from './testing/recorded-responses.ts'

/** The time of the recording. */
const RECORDED_AT = Date.parse('2026-11-22T00:33:10Z')

/** Returns the worker of a Pod with this status. */
function workerOf(status: object, metadata: object = {}, nowMs = RECORDED_AT) {
  const labels = { app: 'stream-monitor', 'monitor-id': 'mon-1' }
  return toLaunchedWorker(
    v.parse(Pod, { metadata: { name: 'a', uid: 'u', labels, ...metadata }, status }),
    MONITOR_ROLE,
    nowMs,
  )
}

/** Returns the status of a running Pod with one container in this state. */
function containerStatus(state: object, more: object = {}) {
  return { phase: 'Running', containerStatuses: [{ name: 'monitor', restartCount: 0, state, ...more }] }
}

const ended = (code: number, reason: string, lastLines: string[] = [], givenUp = false) => ({
  code,
  reason,
  lastLines,
  givenUp,
})

describe('a Pod as a real API server shows it', () => {
  const expected: Readonly<Record<string, object>> = {
    get: { phase: 'starting', exit: null, trouble: null },
    'get when running': { phase: 'running', restarts: 0, exit: null, trouble: null },
    'delete: answered with the Pod, deletionTimestamp set': { phase: 'stopping', exit: null, trouble: null },
    'delete again while terminating': { phase: 'stopping', exit: null, trouble: null },
    'Pod status: exit 3, restartPolicy Never: Failed': {
      phase: 'exited',
      restarts: 0,
      exit: ended(3, 'Error', ['boom'], true),
    },
    'Pod status: exit 3, restartPolicy OnFailure: restarting, CrashLoopBackOff': {
      phase: 'restarting',
      restarts: 4,
      exit: ended(3, 'Error', ['boom']),
      trouble: null,
    },
    'Pod status: OOMKilled, restartPolicy Never': { phase: 'exited', exit: ended(137, 'OOMKilled', [], true) },
    'Pod status: OOMKilled, restartPolicy OnFailure: restarted': {
      phase: 'running',
      restarts: 1,
      exit: ended(137, 'OOMKilled'),
    },
    'Pod status: exit 0: Succeeded': { phase: 'exited', exit: ended(0, 'Completed'), trouble: null },
    'Pod status: image that is not there': {
      phase: 'starting',
      exit: null,
      trouble: {
        reason: 'ErrImageNeverPull',
        message: 'Container image "example/none:1" is not present with pull policy of Never',
      },
    },
    'Pod status: unschedulable': {
      phase: 'starting',
      trouble: { reason: 'Unschedulable', message: expect.stringContaining('0/1 nodes are available') as string },
    },
    'Pod status: activeDeadlineSeconds passed': {
      phase: 'exited',
      exit: ended(0, 'DeadlineExceeded', ['Pod was active on the node longer than the specified deadline'], true),
    },
    'Pod status: not ready by its probe': { phase: 'running', exit: null, trouble: null },
    'evict by deletion with grace 0': { phase: 'stopping', exit: null, trouble: null },
  }

  test('is covered here in every recorded state', () => {
    expect(Object.keys(expected).toSorted()).toEqual(RECORDED_PODS.map(({ name }) => name).toSorted())
  })

  test.each(RECORDED_PODS)('$name', ({ name, pod }) => {
    const parsed = v.parse(Pod, pod)
    const nowMs = name.startsWith('delete') ? Date.parse('2026-11-22T00:31:12Z') : RECORDED_AT
    expect(toLaunchedWorker(parsed, MONITOR_ROLE, nowMs)).toMatchObject({
      name: parsed.metadata.name,
      uid: parsed.metadata.uid,
      kind: 'monitor',
      assignmentId: parsed.metadata.labels['monitor-id'],
      ...expected[name],
    })
  })

  test('passes through its phases from its creation to its deletion', () => {
    const phases = RECORDED_WATCH_EVENTS.map(
      ({ object }) => toLaunchedWorker(v.parse(Pod, object), MONITOR_ROLE, RECORDED_AT)?.phase,
    )
    expect([...new Set(phases)]).toEqual(['starting', 'running', 'stopping'])
  })
})

describe('the exit of a worker', () => {
  const failed = containerStatus({ terminated: { exitCode: 137, reason: 'Error', message: 'cut off\n' } })

  test.each([
    ['evicted by its node', { reason: 'Evicted', message: 'The node was low on resource: memory.' }, 'Evicted', false],
    ['killed with its node', { reason: 'Terminated', message: 'node shutting down' }, 'Terminated', false],
    ['past its deadline', { reason: 'DeadlineExceeded' }, 'DeadlineExceeded', true],
    [
      'preempted',
      { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] },
      'PreemptionByScheduler',
      false,
    ],
    ['failing by itself', { conditions: [{ type: 'DisruptionTarget', status: 'False', reason: 'X' }] }, 'Error', true],
  ])('of a Pod %s is given up only if the worker itself was at fault', (_how, status, reason, givenUp) => {
    expect(workerOf({ ...failed, ...status, phase: 'Failed' })).toMatchObject({
      phase: 'exited',
      exit: { code: 137, reason, lastLines: ['cut off'], givenUp },
    })
  })

  test('of an evicted Pod without container statuses has no exit code, and the reason and message of the Pod', () => {
    const status = { phase: 'Failed', reason: 'Evicted', message: 'low on memory' }
    expect(workerOf(status)?.exit).toEqual(ended(-1, 'Evicted', ['low on memory']))
  })

  test('of a container that waits for its restart is that of its last run', () => {
    const lastState = { terminated: { exitCode: 1, message: 'a\nb\n' } }
    const waiting = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } }
    expect(workerOf(containerStatus(waiting, { lastState, restartCount: 3 }))).toMatchObject({
      phase: 'restarting',
      restarts: 3,
      exit: ended(1, 'Error', ['a', 'b']),
      trouble: null,
    })
  })

  test('of a container that ended with code 0 is final', () => {
    expect(workerOf(containerStatus({ terminated: { exitCode: 0 } }))).toMatchObject({
      phase: 'exited',
      exit: ended(0, 'Completed'),
    })
  })

  test('keeps the last 20 lines of a long message, each cut to 2000 characters', () => {
    const text = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`).join('\n')
    expect(splitLastLines(`${text}\n\n`)).toEqual(text.split('\n').slice(10))
    expect(splitLastLines('x'.repeat(5000))[0]).toHaveLength(2000)
    expect([splitLastLines(''), splitLastLines('\n'), splitLastLines(undefined)]).toEqual([[], [], []])
  })
})

describe('the trouble of a worker', () => {
  test.each([
    'ErrImagePull',
    'ImagePullBackOff',
    'InvalidImageName',
    'CreateContainerConfigError',
    'RunContainerError',
  ])('has the reason and message of the cluster: %s', (reason) => {
    const status = { ...containerStatus({ waiting: { reason, message: 'why' } }), phase: 'Pending' }
    expect(workerOf(status)).toMatchObject({ phase: 'starting', trouble: { reason, message: 'why' } })
  })

  test.each(['ContainerCreating', 'PodInitializing', undefined])(
    'is null while a container is created (%s)',
    (reason) => {
      const status = { ...containerStatus({ waiting: { reason } }), phase: 'Pending' }
      expect(workerOf(status)).toMatchObject({ phase: 'starting', trouble: null })
    },
  )

  test('is NodeLost if a Pod is still there half a minute after its grace period', () => {
    const deletionTimestamp = '2026-11-22T00:31:41Z'
    const at = (seconds: number) =>
      workerOf(containerStatus({ running: {} }), { deletionTimestamp }, Date.parse(deletionTimestamp) + seconds * 1000)
    expect(at(30)).toMatchObject({ phase: 'stopping', trouble: null })
    expect(at(31)).toMatchObject({ phase: 'stopping', trouble: { reason: 'NodeLost' } })
  })

  test('is NodeLost if the cluster reports that', () => {
    const status = { ...containerStatus({ running: {} }), reason: 'NodeLost', message: 'node-1 is unresponsive' }
    expect(workerOf(status)?.trouble).toEqual({ reason: 'NodeLost', message: 'node-1 is unresponsive' })
  })
})

test("another container of the Pod is ignored, and a Pod without an assignment's id is no worker", () => {
  const sidecar = { name: 'proxy', restartCount: 9, state: { running: {} } }
  const own = { name: 'monitor', restartCount: 1, state: { waiting: { reason: 'ContainerCreating' } } }
  expect(workerOf({ phase: 'Pending', containerStatuses: [sidecar, own] })).toMatchObject({
    phase: 'starting',
    restarts: 1,
  })
  expect(workerOf({}, { labels: { app: 'stream-monitor' } })).toBeNull()
})

test('the node of a Pod that is not deleted never counts as lost', () => {
  expect(isNodeLost(v.parse(Pod, { metadata: { name: 'a', uid: 'u' } }), Infinity)).toBe(false)
})
