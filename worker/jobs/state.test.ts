import { array, assert, constant, constantFrom, double, oneof, property, record, type Arbitrary } from 'fast-check'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { JobReport } from '../../shared/contract/jobs.ts'
import { composeJobReport } from './report.ts'
import { INITIAL_SNAPSHOT, afterObservation, type TaskSnapshot, type TaskObservation } from './state.ts'

const OUTPUT = { output_url: 'http://x/master.m3u8', output_type: 'hls', files_uploaded: 3, bytes: 9 } as const
const WORKER = { room: 0, claimant: '019502f0-0000-4000-8000-000000000001' }
const FAILURE = { code: 'ENCODE_FAILED', message: 'm'.repeat(1000), is_transient: false }

const observation: Arbitrary<TaskObservation> = oneof(
  record({
    kind: constant('phase' as const),
    phase: constantFrom('fetch' as const, 'encode' as const, 'finish' as const, 'validate' as const, 'store' as const),
    share: double({ min: -1, max: 2, noNaN: true }),
  }),
  constant<TaskObservation>({ kind: 'storing' }),
  constant<TaskObservation>({ kind: 'failed', failure: FAILURE }),
  constant<TaskObservation>({ kind: 'done', output: OUTPUT, plan: null }),
)
const task = constantFrom('encode' as const, 'chunk' as const, 'join' as const, 'sweep' as const)
const STATE_ORDER = ['processing', 'uploading', 'done', 'failed']

/** Returns the snapshots of a task, from the initial one on. */
function snapshotsAfter(
  of: Parameters<typeof afterObservation>[0],
  observations: readonly TaskObservation[],
): readonly TaskSnapshot[] {
  const snapshots = [INITIAL_SNAPSHOT]
  for (const one of observations) snapshots.push(afterObservation(of, snapshots.at(-1) ?? INITIAL_SNAPSHOT, one))
  return snapshots
}

describe('after any observations', () => {
  test('progress never decreases and is 100 only for a done task, and the state never goes back', () => {
    assert(
      property(task, array(observation, { maxLength: 30 }), (of, observations) => {
        const snapshots = snapshotsAfter(of, observations)
        for (const [i, { progress, state }] of snapshots.entries()) {
          const before = snapshots[i - 1] ?? INITIAL_SNAPSHOT
          expect(progress).toBeGreaterThanOrEqual(before.progress)
          expect(progress === 100).toBe(state === 'done')
          expect(STATE_ORDER.indexOf(state)).toBeGreaterThanOrEqual(STATE_ORDER.indexOf(before.state))
        }
      }),
    )
  })

  test('a final snapshot does not change, and every snapshot makes a valid report', () => {
    assert(
      property(task, array(observation, { maxLength: 30 }), (of, observations) => {
        const snapshots = snapshotsAfter(of, observations)
        const final = snapshots.findIndex(({ state }) => state === 'done' || state === 'failed')
        expect(new Set(final < 0 ? [] : snapshots.slice(final)).size).toBeLessThanOrEqual(1)
        for (const one of snapshots) v.parse(JobReport, composeJobReport({ epoch: 1, seq: 1 }, one, WORKER))
      }),
    )
  })
})

test('each phase contributes its share to the progress', () => {
  const progress = (phase: 'fetch' | 'encode' | 'store', share: number) =>
    afterObservation('encode', INITIAL_SNAPSHOT, { kind: 'phase', phase, share }).progress
  expect([progress('fetch', 1), progress('encode', 0), progress('encode', 0.5), progress('store', 1)]).toEqual([
    7, 10, 47.5, 99.9,
  ])
})

test('the speed is reported only while the encoder runs', () => {
  const encodeSpeed = { fps: 50, speed: 2, etaSec: 3 }
  const encoding = afterObservation('encode', INITIAL_SNAPSHOT, {
    kind: 'phase',
    phase: 'encode',
    share: 0.5,
    encodeSpeed,
  })
  expect(encoding).toMatchObject({ ...encodeSpeed, state: 'processing', message: 'encoding' })
  const storing = afterObservation('encode', encoding, { kind: 'phase', phase: 'store', share: 0 })
  expect(storing).toMatchObject({ fps: null, speed: null, etaSec: null, state: 'uploading' })
})
