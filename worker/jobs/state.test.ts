import { array, assert, constant, constantFrom, double, oneof, property, record, type Arbitrary } from 'fast-check'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { JobReport } from '../../shared/contract/jobs.ts'
import { jobReport } from './report.ts'
import { INITIAL_STATE, observe, type JobState, type Observation } from './state.ts'

const OUTPUT = { output_url: 'http://x/master.m3u8', output_type: 'hls', files_uploaded: 3, bytes: 9 } as const
const WORKER = { room: 0, claimant: '019502f0-0000-4000-8000-000000000001' }
const FAILURE = { code: 'ENCODE_FAILED', message: 'm'.repeat(1000), is_transient: false }

const observation: Arbitrary<Observation> = oneof(
  record({
    kind: constant('phase' as const),
    phase: constantFrom('fetch' as const, 'encode' as const, 'finish' as const, 'validate' as const, 'store' as const),
    share: double({ min: -1, max: 2, noNaN: true }),
  }),
  constant<Observation>({ kind: 'storing' }),
  constant<Observation>({ kind: 'failed', failure: FAILURE }),
  constant<Observation>({ kind: 'done', output: OUTPUT, plan: null }),
)
const task = constantFrom('encode' as const, 'chunk' as const, 'join' as const, 'sweep' as const)
const ORDER = ['processing', 'uploading', 'done', 'failed']

function story(of: Parameters<typeof observe>[0], seen: readonly Observation[]): readonly JobState[] {
  const states = [INITIAL_STATE]
  for (const one of seen) states.push(observe(of, states.at(-1) ?? INITIAL_STATE, one))
  return states
}

describe('whatever is observed', () => {
  test('progress never falls, is 100 when the task is done and only then, and a state never goes back', () => {
    assert(
      property(task, array(observation, { maxLength: 30 }), (of, seen) => {
        const states = story(of, seen)
        for (const [i, { progress, state }] of states.entries()) {
          const before = states[i - 1] ?? INITIAL_STATE
          expect(progress).toBeGreaterThanOrEqual(before.progress)
          expect(progress === 100).toBe(state === 'done')
          expect(ORDER.indexOf(state)).toBeGreaterThanOrEqual(ORDER.indexOf(before.state))
        }
      }),
    )
  })

  test('a final state stays, and every state can be told', () => {
    assert(
      property(task, array(observation, { maxLength: 30 }), (of, seen) => {
        const states = story(of, seen)
        const final = states.findIndex(({ state }) => state === 'done' || state === 'failed')
        expect(new Set(final < 0 ? [] : states.slice(final)).size).toBeLessThanOrEqual(1)
        for (const state of states) v.parse(JobReport, jobReport({ epoch: 1, seq: 1 }, state, WORKER))
      }),
    )
  })
})

test('each phase has its share of the whole', () => {
  const progress = (phase: 'fetch' | 'encode' | 'store', share: number) =>
    observe('encode', INITIAL_STATE, { kind: 'phase', phase, share }).progress
  expect([progress('fetch', 1), progress('encode', 0), progress('encode', 0.5), progress('store', 1)]).toEqual([
    7, 10, 47.5, 99.9,
  ])
})

test('speed is told while the encoder runs, and no longer than that', () => {
  const pace = { fps: 50, speed: 2, etaSec: 3 }
  const encoding = observe('encode', INITIAL_STATE, { kind: 'phase', phase: 'encode', share: 0.5, pace })
  expect(encoding).toMatchObject({ ...pace, state: 'processing', message: 'encoding' })
  const storing = observe('encode', encoding, { kind: 'phase', phase: 'store', share: 0 })
  expect(storing).toMatchObject({ fps: null, speed: null, etaSec: null, state: 'uploading' })
})
