import { expect, test } from 'vitest'

import { findFrozenSpans, type StillRun } from './still-runs.ts'

/** Ten pictures per second between two times: still but for those at these times. */
function pictures(fromSec: number, toSec: number, changes: readonly number[], blacks: readonly number[] = []) {
  return Array.from({ length: Math.round((toSec - fromSec) * 10) }, (_, i) => {
    const sec = fromSec + i / 10
    return { sec, isStill: !changes.includes(sec), isBlack: blacks.includes(sec) }
  })
}

const find = (toSec: number, changes: readonly number[], before: StillRun | null, blacks?: readonly number[]) =>
  findFrozenSpans(pictures(0, toSec, changes, blacks), { before, fromSec: 0, toSec, thresholdSec: 30 })

const CALM: StillRun = { fromSec: -1, hasFollowers: true, isReported: false }

test('a run becomes a span once it is long, with its start, which may lie in an earlier segment', () => {
  expect(find(2, [], CALM)).toEqual({ spans: [], run: CALM })
  expect(find(4, [], CALM).spans).toEqual([{ fromSec: -1, toSec: Infinity }])
  expect(find(8, [1], CALM).spans).toEqual([{ fromSec: 1, toSec: Infinity }])
})

test('a run that was reported goes on, and ends with the next change', () => {
  const frozen: StillRun = { ...CALM, fromSec: -9, isReported: true }
  expect(find(2, [], frozen)).toEqual({ spans: [{ fromSec: -Infinity, toSec: Infinity }], run: frozen })
  expect(find(2, [1], frozen).spans).toEqual([{ fromSec: -Infinity, toSec: 1 }])
})

test('a black picture ends a run, and a picture that stands alone is none', () => {
  expect(find(4, [], { ...CALM, fromSec: -6 }, [0]).spans).toEqual([{ fromSec: -6, toSec: 0 }])
  const alone: StillRun = { fromSec: -9, hasFollowers: false, isReported: false }
  expect(
    findFrozenSpans(pictures(0, 0.1, [0]), { before: alone, fromSec: 0, toSec: 9, thresholdSec: 30 }).spans,
  ).toEqual([])
})

test('a segment after a restart is frozen if most of it is', () => {
  expect(find(2, [0], null).spans).toEqual([{ fromSec: 0, toSec: Infinity }])
  expect(find(2, [0, 1], null).spans).toEqual([])
})
