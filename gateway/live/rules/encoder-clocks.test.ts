import { expect, test } from 'vitest'

import { createOutageWatch } from './encoder-clocks.ts'

/** Runs every two seconds from one time to another one; returns what ran at the last one. */
function runUntil(watch: ReturnType<typeof createOutageWatch>, fromMs: number, untilMs: number) {
  let clocks = watch.begin(fromMs)
  for (let ms = fromMs; ms <= untilMs; ms += 2000) {
    clocks = watch.begin(ms)
    watch.end(ms)
  }
  return clocks
}

test('a gateway that starts hears of encoders for a while before it takes them for gone', () => {
  const watch = createOutageWatch(0, 10_000)
  expect(runUntil(watch, 0, 8000)).toEqual({ unseen: false, awaited: true })
  expect(runUntil(watch, 10_000, 10_000)).toEqual({ unseen: true, awaited: true })
})

test('after an outage both clocks stand still, and go on when encoders had time to be reported or to come back', () => {
  const watch = createOutageWatch(0, 10_000)
  expect(runUntil(watch, 0, 20_000)).toEqual({ unseen: true, awaited: true })
  // Runs that begin and fail do not end it.
  for (const ms of [22_000, 27_000]) watch.begin(ms)
  expect(runUntil(watch, 36_000, 44_000)).toEqual({ unseen: false, awaited: false })
  expect(runUntil(watch, 46_000, 46_000)).toEqual({ unseen: true, awaited: true })
})
