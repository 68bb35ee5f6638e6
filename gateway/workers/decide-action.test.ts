import { describe, expect, test } from 'vitest'

import { decideAction } from './decide-action.ts'
import type { LaunchedWorker, WorkerExit } from '../ports/launcher.ts'
import type { LaunchedAssignment } from './store/launched-assignments.ts'

const LAUNCHER = { owner: 'kubernetes:tallylight', mayStillRun: (owner: string) => owner !== 'gone' }
const NAME = 'stream-monitor-1'
const EXIT: WorkerExit = { code: 137, reason: 'OOMKilled', lastLines: ['a', 'b'], givenUp: false }

/** An assignment whose worker has claimed it and reports. */
const CLAIMED: LaunchedAssignment = {
  id: '1',
  kind: 'monitor',
  host: null,
  launch: 1,
  isLaunched: true,
  epoch: 1,
  attempts: 1,
  restarts: 0,
  launchedBy: LAUNCHER.owner,
  claimedAt: new Date(1),
  expired: false,
  startupOver: true,
}
const UNCLAIMED = { ...CLAIMED, epoch: 0, isLaunched: false, claimedAt: null, startupOver: false }
const RUNNING: LaunchedWorker = {
  name: NAME,
  uid: 'u',
  kind: 'monitor',
  assignmentId: '1',
  phase: 'running',
  restarts: 0,
  exit: null,
  trouble: null,
}

function decide(assignment: Partial<LaunchedAssignment>, worker: Partial<LaunchedWorker> | null) {
  const present = worker === null ? undefined : { ...RUNNING, ...worker }
  return decideAction({ ...CLAIMED, ...assignment }, present, { workerName: NAME, maxAttempts: 5 }, LAUNCHER)
}

describe('a listed worker', () => {
  test('that reports needs no action', () => {
    expect(decide({}, {})).toEqual({ kind: 'fine' })
    expect(decide(UNCLAIMED, { phase: 'starting' })).toEqual({ kind: 'fine' })
  })

  test('whose launch was not recorded is adopted within its startup timeout', () => {
    expect(decide({ ...UNCLAIMED, expired: true }, { phase: 'starting' })).toEqual({ kind: 'adopt' })
    const late = decide({ ...UNCLAIMED, expired: true, startupOver: true }, { phase: 'starting' })
    expect(late).toMatchObject({ kind: 'expired', loss: { terminationReason: 'NeverClaimed' } })
  })

  test('that cannot start is lost with the reason that prevents its start', () => {
    const trouble = { reason: 'Unschedulable', message: '0/1 nodes are available' }
    const verdict = decide({ ...UNCLAIMED, expired: true, startupOver: true }, { phase: 'starting', trouble })
    expect(verdict).toMatchObject({
      kind: 'expired',
      loss: { observedState: 'never_claimed', terminationReason: 'Unschedulable' },
    })
    expect(JSON.stringify(verdict)).toContain('0/1 nodes are available')
  })

  test('whose lease has expired is lost', () => {
    expect(decide({ expired: true }, {})).toMatchObject({
      kind: 'expired',
      loss: { observedState: 'silent', terminationReason: 'LeaseExpired', exitCode: -1 },
    })
  })

  test('that its launcher restarted has used an attempt per restart', () => {
    expect(decide({ attempts: 1, restarts: 1 }, { restarts: 3, exit: EXIT })).toEqual({
      kind: 'note_restarts',
      restarts: 3,
      attempts: 3,
    })
    expect(decide({ attempts: 3, restarts: 3 }, { restarts: 3, exit: EXIT })).toEqual({ kind: 'fine' })
  })

  test('that was restarted uses no attempt of a handed-over task, which loses its worker once its lease expires', () => {
    const hosted = { host: NAME, attempts: 2 }
    expect(decide(hosted, { restarts: 3, exit: EXIT })).toEqual({ kind: 'fine' })
    expect(decide(hosted, { phase: 'restarting', restarts: 9, exit: EXIT })).toEqual({ kind: 'fine' })
    const givenUp = decide(hosted, { phase: 'exited', exit: { ...EXIT, givenUp: true } })
    expect(givenUp).toMatchObject({ kind: 'lost', isPermanent: false })
    const silent = decide({ ...hosted, expired: true }, { phase: 'restarting', restarts: 9, exit: EXIT })
    expect(silent).toMatchObject({ kind: 'expired', loss: { terminationReason: 'OOMKilled' } })
  })

  test('that waits for a restart beyond its lease is lost with the exit of its last run', () => {
    expect(decide({}, { phase: 'restarting', exit: EXIT })).toEqual({ kind: 'fine' })
    expect(decide({ expired: true }, { phase: 'restarting', exit: EXIT })).toMatchObject({
      kind: 'expired',
      loss: { observedState: 'silent', exitCode: 137, terminationReason: 'OOMKilled' },
    })
  })

  test.each([
    ['has failed', 4],
    ['and further ones have failed before the reconciliation', 6],
  ])('whose fifth consecutive run %s is lost permanently with the exit of its last run', (_what, restarts) => {
    const verdict = decide({ attempts: 4, restarts: 3 }, { phase: 'restarting', restarts, exit: EXIT })
    expect(verdict).toEqual({
      kind: 'lost',
      isPermanent: true,
      attempts: 5,
      loss: {
        exitCode: 137,
        terminationReason: 'OOMKilled',
        message: 'a\nb',
        workerName: NAME,
        observedState: 'crash_looping',
      },
    })
  })

  test('that has exited is lost; permanently where its launcher has given up on it', () => {
    expect(decide({}, { phase: 'exited', exit: EXIT })).toMatchObject({ kind: 'lost', isPermanent: false })
    const givenUp = decide({}, { phase: 'exited', exit: { ...EXIT, givenUp: true } })
    expect(givenUp).toMatchObject({ kind: 'lost', isPermanent: true, loss: { observedState: 'failed' } })
    const done = { ...EXIT, code: 0, reason: 'Completed' }
    expect(decide({}, { phase: 'exited', exit: done })).toMatchObject({
      kind: 'lost',
      loss: { observedState: 'succeeded' },
    })
  })
})

describe('a worker that is not listed', () => {
  test('is lost at once where its launch was recorded, though it has not claimed', () => {
    expect(decide({ ...UNCLAIMED, isLaunched: true }, null)).toMatchObject({ kind: 'lost' })
  })

  test('is lost at once where it had claimed', () => {
    expect(decide({}, null)).toMatchObject({
      kind: 'lost',
      isPermanent: false,
      loss: { observedState: 'missing', terminationReason: 'Missing', exitCode: -1 },
    })
  })

  test('counts as being created until its lease expires', () => {
    expect(decide(UNCLAIMED, null)).toEqual({ kind: 'fine' })
    expect(decide({ ...UNCLAIMED, expired: true }, null)).toMatchObject({ kind: 'lost' })
  })

  test('of another launcher counts as running until that launcher is gone or its lease expires', () => {
    expect(decide({ launchedBy: 'other' }, null)).toEqual({ kind: 'fine' })
    expect(decide({ launchedBy: 'other', expired: true }, null)).toMatchObject({ kind: 'expired' })
    expect(decide({ launchedBy: 'gone' }, null)).toEqual({ kind: 'gone_with_gateway' })
  })
})
