import { expect, test } from 'vitest'

import { afterLag, INITIAL_LOAD, type LoadState } from './load.ts'

/** Returns the states after a lag that is measured every 100 ms; `lagMs` returns it by the time. */
function measure(state: LoadState, fromMs: number, untilMs: number, lagMs: (atMs: number) => number): LoadState {
  let current = state
  for (let atMs = fromMs; atMs <= untilMs; atMs += 100)
    current = afterLag(current, { atMs, lagMs: lagMs(atMs) }, RUNGS - current.droppedRungs)
  return current
}

const RUNGS = 3

const dropped = { ...INITIAL_LOAD, droppedRungs: 1 }

test('a rung is left out after three seconds of more than four seconds of lag', () => {
  expect(measure(INITIAL_LOAD, 0, 2900, () => 4500).droppedRungs).toBe(0)
  expect(measure(INITIAL_LOAD, 0, 3000, () => 4500).droppedRungs).toBe(1)
})

test('a lag that ends in time leaves out nothing', () => {
  const late = measure(INITIAL_LOAD, 0, 2900, () => 4500)
  const short = measure(late, 3000, 3000, () => 3900)
  expect(measure(short, 3100, 6000, () => 4500).droppedRungs).toBe(0)
})

test('an encoder that catches up after a restart is left alone', () => {
  expect(measure(INITIAL_LOAD, 0, 20_000, (atMs) => 14_000 - atMs / 2).droppedRungs).toBe(0)
})

test('one that still falls behind loses all other rungs 1.5 s later', () => {
  expect(measure(INITIAL_LOAD, 0, 4500, (atMs) => 4500 + atMs / 10).droppedRungs).toBe(1)
  expect(measure(INITIAL_LOAD, 0, 4600, (atMs) => 4500 + atMs / 10).droppedRungs).toBe(RUNGS)
})

test('one that is far too slow loses all rungs at once', () => {
  expect(measure(INITIAL_LOAD, 0, 2900, (atMs) => 4500 + 0.4 * atMs).droppedRungs).toBe(0)
  expect(measure(INITIAL_LOAD, 0, 3000, (atMs) => 4500 + 0.4 * atMs).droppedRungs).toBe(RUNGS)
})

test('nothing is left out where nothing can be', () => {
  expect(afterLag({ ...INITIAL_LOAD, late: { atMs: 0, lagMs: 9000 } }, { atMs: 9000, lagMs: 9000 }, 0)).toMatchObject({
    droppedRungs: 0,
  })
})

test('a rung is taken back after five quiet minutes', () => {
  expect(measure(dropped, 0, 299_900, () => 500).droppedRungs).toBe(1)
  expect(measure(dropped, 0, 300_000, () => 500).droppedRungs).toBe(0)
})

test('an interruption of the quiet begins the five minutes again', () => {
  const interrupted = measure(
    measure(dropped, 0, 200_000, () => 500),
    200_100,
    200_100,
    () => 3000,
  )
  expect(measure(interrupted, 200_200, 400_000, () => 500).droppedRungs).toBe(1)
})
