import { expect, test } from 'vitest'

import { createHangWatch } from './hang-watch.ts'

/** Creates a watch whose clock the test sets. */
function createWatch() {
  let nowMs = 0
  const watch = createHangWatch(0, { nowMs: () => nowMs })
  return { watch, at: (ms: number) => (nowMs = ms) }
}

test('an encoder hangs when it packages nothing for ten seconds while frames wait', () => {
  const { watch, at } = createWatch()
  watch.noteFed(4000)
  expect(watch.check({ endMs: 2000, atMs: 0 })).toBe(false)
  at(9999)
  expect(watch.check({ endMs: 2000, atMs: 0 })).toBe(false)
  at(10_000)
  expect(watch.check({ endMs: 2000, atMs: 0 })).toBe(true)
})

test('each part begins the ten seconds again', () => {
  const { watch, at } = createWatch()
  watch.noteFed(4000)
  watch.check({ endMs: 2000, atMs: 0 })
  at(12_000)
  expect(watch.check({ endMs: 2333, atMs: 5000 })).toBe(false)
})

test('an encoder that has nothing to encode does not hang, also not when frames come again', () => {
  const { watch, at } = createWatch()
  watch.noteFed(2100)
  at(60_000)
  expect(watch.check({ endMs: 2000, atMs: 0 })).toBe(false)
  watch.noteFed(6000)
  expect(watch.check({ endMs: 2000, atMs: 0 })).toBe(false)
})
