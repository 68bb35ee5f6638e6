import { expect, test } from 'vitest'

import { afterLoss } from './attempts.ts'

const RULE = { max: 6, stableAfterSec: 60 }

test('the first loss is followed by a launch at once, later ones in a row by pauses, and the last one by none', () => {
  const pauses = [1, 2, 3, 4, 5, 6].map((attempts) => afterLoss(attempts, RULE))
  expect(pauses.map((after) => (after.kind === 'relaunch' ? after.afterMs : after.kind))).toEqual([
    0,
    1000,
    2000,
    4000,
    5000,
    'give_up',
  ])
})

test('a worker that has run well for long is replaced at once', () => {
  expect(afterLoss(0, RULE)).toEqual({ kind: 'relaunch', afterMs: 0 })
})
