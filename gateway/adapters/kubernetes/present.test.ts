import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { isOverdue, Pod } from './pod.ts'
import { linesOf, present } from './present.ts'
import { MONITOR_ROLE } from './testing/monitor-role.ts'
import { recordedLife, recordedPods } from './testing/recorded-answers.ts'

/** When the answers were recorded. */
const THEN = Date.parse('2026-11-22T00:33:10Z')

/** A worker by a Pod of ours with this status. */
function presented(status: object, metadata: object = {}, nowMs = THEN) {
  const labels = { app: 'stream-monitor', 'monitor-id': 'mon-1' }
  return present(v.parse(Pod, { metadata: { name: 'a', uid: 'u', labels, ...metadata }, status }), MONITOR_ROLE, nowMs)
}

/** The status of a Pod that runs, with one container in this state. */
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

  test('none that was recorded is left out here', () => {
    expect(Object.keys(expected).toSorted()).toEqual(recordedPods.map(({ name }) => name).toSorted())
  })

  test.each(recordedPods)('$name', ({ name, pod }) => {
    const parsed = v.parse(Pod, pod)
    const nowMs = name.startsWith('delete') ? Date.parse('2026-11-22T00:31:12Z') : THEN
    expect(present(parsed, MONITOR_ROLE, nowMs)).toMatchObject({
      name: parsed.metadata.name,
      uid: parsed.metadata.uid,
      kind: 'monitor',
      assignmentId: parsed.metadata.labels['monitor-id'],
      ...expected[name],
    })
  })

  test('goes through its phases from its creation to its deletion', () => {
    const phases = recordedLife.map(({ object }) => present(v.parse(Pod, object), MONITOR_ROLE, THEN)?.phase)
    expect([...new Set(phases)]).toEqual(['starting', 'running', 'stopping'])
  })
})

describe('how a run ended', () => {
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
  ])('a Pod %s was given up by fault of the worker only where nobody took it away', (_how, status, reason, givenUp) => {
    expect(presented({ ...failed, ...status, phase: 'Failed' })).toMatchObject({
      phase: 'exited',
      exit: { code: 137, reason, lastLines: ['cut off'], givenUp },
    })
  })

  test('an evicted Pod of which no container is known any more has no exit code, and says why it went', () => {
    const status = { phase: 'Failed', reason: 'Evicted', message: 'low on memory' }
    expect(presented(status)?.exit).toEqual(ended(-1, 'Evicted', ['low on memory']))
  })

  test('a container that waits to be started again tells of its last run', () => {
    const lastState = { terminated: { exitCode: 1, message: 'a\nb\n' } }
    const waiting = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } }
    expect(presented(containerStatus(waiting, { lastState, restartCount: 3 }))).toMatchObject({
      phase: 'restarting',
      restarts: 3,
      exit: ended(1, 'Error', ['a', 'b']),
      trouble: null,
    })
  })

  test('a container that has done what it had to will not run again', () => {
    expect(presented(containerStatus({ terminated: { exitCode: 0 } }))).toMatchObject({
      phase: 'exited',
      exit: ended(0, 'Completed'),
    })
  })

  test('of a long message the last 20 lines are kept, each cut to a length', () => {
    const text = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`).join('\n')
    expect(linesOf(`${text}\n\n`)).toEqual(text.split('\n').slice(10))
    expect(linesOf('x'.repeat(5000))[0]).toHaveLength(2000)
    expect([linesOf(''), linesOf('\n'), linesOf(undefined)]).toEqual([[], [], []])
  })
})

describe('what keeps a worker from running', () => {
  test.each([
    'ErrImagePull',
    'ImagePullBackOff',
    'InvalidImageName',
    'CreateContainerConfigError',
    'RunContainerError',
  ])("is said in the cluster's own words: %s", (reason) => {
    const status = { ...containerStatus({ waiting: { reason, message: 'why' } }), phase: 'Pending' }
    expect(presented(status)).toMatchObject({ phase: 'starting', trouble: { reason, message: 'why' } })
  })

  test.each(['ContainerCreating', 'PodInitializing', undefined])(
    'is nothing while a container is made (%s)',
    (reason) => {
      const status = { ...containerStatus({ waiting: { reason } }), phase: 'Pending' }
      expect(presented(status)).toMatchObject({ phase: 'starting', trouble: null })
    },
  )

  test('is its node where a Pod is still there half a minute after it should have gone', () => {
    const deletionTimestamp = '2026-11-22T00:31:41Z'
    const at = (seconds: number) =>
      presented(containerStatus({ running: {} }), { deletionTimestamp }, Date.parse(deletionTimestamp) + seconds * 1000)
    expect(at(30)).toMatchObject({ phase: 'stopping', trouble: null })
    expect(at(31)).toMatchObject({ phase: 'stopping', trouble: { reason: 'NodeLost' } })
  })

  test('is its node where the cluster says so', () => {
    const status = { ...containerStatus({ running: {} }), reason: 'NodeLost', message: 'node-1 is unresponsive' }
    expect(presented(status)?.trouble).toEqual({ reason: 'NodeLost', message: 'node-1 is unresponsive' })
  })
})

test("a container beside ours is not taken for it, and a Pod without an assignment's id not for a worker", () => {
  const sidecar = { name: 'proxy', restartCount: 9, state: { running: {} } }
  const own = { name: 'monitor', restartCount: 1, state: { waiting: { reason: 'ContainerCreating' } } }
  expect(presented({ phase: 'Pending', containerStatuses: [sidecar, own] })).toMatchObject({
    phase: 'starting',
    restarts: 1,
  })
  expect(presented({}, { labels: { app: 'stream-monitor' } })).toBeNull()
})

test('a Pod that is not being deleted is never overdue', () => {
  expect(isOverdue(v.parse(Pod, { metadata: { name: 'a', uid: 'u' } }), Infinity)).toBe(false)
})
