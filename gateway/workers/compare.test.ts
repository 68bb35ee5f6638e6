import { describe, expect, test } from 'vitest'

import { judge } from './compare.ts'
import type { LaunchedWorker, WorkerExit } from './launcher.ts'
import type { LaunchedAssignment } from './launched/store.ts'

const LAUNCHER = { owner: 'kubernetes:tallylight', mayStillRun: (owner: string) => owner !== 'gone' }
const NAME = 'stream-monitor-1'
const EXIT: WorkerExit = { code: 137, reason: 'OOMKilled', lastLines: ['a', 'b'], givenUp: false }

/** A worker that has claimed and reports. */
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

function verdictOn(assignment: Partial<LaunchedAssignment>, worker: Partial<LaunchedWorker> | null) {
  const present = worker === null ? undefined : { ...RUNNING, ...worker }
  return judge({ ...CLAIMED, ...assignment }, present, { workerName: NAME, maxAttempts: 5 }, LAUNCHER)
}

describe('a worker that is there', () => {
  test('and reports is fine', () => {
    expect(verdictOn({}, {})).toEqual({ kind: 'fine' })
    expect(verdictOn(UNCLAIMED, { phase: 'starting' })).toEqual({ kind: 'fine' })
  })

  test('and whose launch nobody noted is adopted, for as long as it may take to start', () => {
    expect(verdictOn({ ...UNCLAIMED, expired: true }, { phase: 'starting' })).toEqual({ kind: 'adopt' })
    const late = verdictOn({ ...UNCLAIMED, expired: true, startupOver: true }, { phase: 'starting' })
    expect(late).toMatchObject({ kind: 'expired', loss: { terminationReason: 'NeverClaimed' } })
  })

  test('and cannot start is lost with what keeps it from starting', () => {
    const trouble = { reason: 'Unschedulable', message: '0/1 nodes are available' }
    const verdict = verdictOn({ ...UNCLAIMED, expired: true, startupOver: true }, { phase: 'starting', trouble })
    expect(verdict).toMatchObject({
      kind: 'expired',
      loss: { observedState: 'never_claimed', terminationReason: 'Unschedulable' },
    })
    expect(JSON.stringify(verdict)).toContain('0/1 nodes are available')
  })

  test('and is silent past its lease is lost', () => {
    expect(verdictOn({ expired: true }, {})).toMatchObject({
      kind: 'expired',
      loss: { observedState: 'silent', terminationReason: 'LeaseExpired', exitCode: -1 },
    })
  })

  test('and was started again by its launcher has used an attempt for each time', () => {
    expect(verdictOn({ attempts: 1, restarts: 1 }, { restarts: 3, exit: EXIT })).toEqual({
      kind: 'note_restarts',
      restarts: 3,
      attempts: 3,
    })
    expect(verdictOn({ attempts: 3, restarts: 3 }, { restarts: 3, exit: EXIT })).toEqual({ kind: 'fine' })
  })

  test('and was started again costs what it carries beside its own nothing, but is lost to that once that is silent', () => {
    const hosted = { host: NAME, attempts: 2 }
    expect(verdictOn(hosted, { restarts: 3, exit: EXIT })).toEqual({ kind: 'fine' })
    expect(verdictOn(hosted, { phase: 'restarting', restarts: 9, exit: EXIT })).toEqual({ kind: 'fine' })
    const givenUp = verdictOn(hosted, { phase: 'exited', exit: { ...EXIT, givenUp: true } })
    expect(givenUp).toMatchObject({ kind: 'lost', forGood: false })
    const silent = verdictOn({ ...hosted, expired: true }, { phase: 'restarting', restarts: 9, exit: EXIT })
    expect(silent).toMatchObject({ kind: 'expired', loss: { terminationReason: 'OOMKilled' } })
  })

  test('and waits to be started again for longer than its lease is lost, with how it ended', () => {
    expect(verdictOn({}, { phase: 'restarting', exit: EXIT })).toEqual({ kind: 'fine' })
    expect(verdictOn({ expired: true }, { phase: 'restarting', exit: EXIT })).toMatchObject({
      kind: 'expired',
      loss: { observedState: 'silent', exitCode: 137, terminationReason: 'OOMKilled' },
    })
  })

  test.each([
    ['has failed', 4],
    ['and more have failed before anybody looked', 6],
  ])('and whose fifth run in a row %s is lost for good, with how it ended', (_what, restarts) => {
    const verdict = verdictOn({ attempts: 4, restarts: 3 }, { phase: 'restarting', restarts, exit: EXIT })
    expect(verdict).toEqual({
      kind: 'lost',
      forGood: true,
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

  test('but has ended is lost; for good where its launcher has given it up', () => {
    expect(verdictOn({}, { phase: 'exited', exit: EXIT })).toMatchObject({ kind: 'lost', forGood: false })
    const givenUp = verdictOn({}, { phase: 'exited', exit: { ...EXIT, givenUp: true } })
    expect(givenUp).toMatchObject({ kind: 'lost', forGood: true, loss: { observedState: 'failed' } })
    const done = { ...EXIT, code: 0, reason: 'Completed' }
    expect(verdictOn({}, { phase: 'exited', exit: done })).toMatchObject({
      kind: 'lost',
      loss: { observedState: 'succeeded' },
    })
  })
})

describe('a worker that is not there', () => {
  test('is lost at once where it was seen before, though it has not claimed', () => {
    expect(verdictOn({ ...UNCLAIMED, isLaunched: true }, null)).toMatchObject({ kind: 'lost' })
  })

  test('is lost at once where it had claimed', () => {
    expect(verdictOn({}, null)).toMatchObject({
      kind: 'lost',
      forGood: false,
      loss: { observedState: 'missing', terminationReason: 'Missing', exitCode: -1 },
    })
  })

  test('may be about to be created until its launch should be done', () => {
    expect(verdictOn(UNCLAIMED, null)).toEqual({ kind: 'fine' })
    expect(verdictOn({ ...UNCLAIMED, expired: true }, null)).toMatchObject({ kind: 'lost' })
  })

  test('of another launcher may live, until that launcher is gone or its lease is over', () => {
    expect(verdictOn({ launchedBy: 'other' }, null)).toEqual({ kind: 'fine' })
    expect(verdictOn({ launchedBy: 'other', expired: true }, null)).toMatchObject({ kind: 'expired' })
    expect(verdictOn({ launchedBy: 'gone' }, null)).toEqual({ kind: 'gone_with_gateway' })
  })
})
