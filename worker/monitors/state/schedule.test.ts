import { expect, test } from 'vitest'

import { at, CONFIG, isoAt, playlist, START_MS, STARTED, replay } from '../../testing/monitor-scenario.ts'
import { isDisrupted, nextResolveMs, nextTickMs, type ResolverAnswer } from './schedule.ts'
import type { StreamResolution, StreamSource } from '../stream.ts'
import { INITIAL_STATE } from './monitor-state.ts'

const PLAN = {
  state: INITIAL_STATE,
  config: CONFIG,
  intervals: { waitingMs: 30_000, waitingLateMs: 10_000, refreshMs: 30_000 },
  random: () => 0.5,
}
const SOURCE: StreamSource = { renditions: [], title: null, by: 'yt-dlp', expiresAtMs: null }
const UPCOMING: StreamResolution = { kind: 'upcoming', releaseAtMs: null, title: null }

/** Seconds from an answer to the next call of the resolver. */
function waitSec(
  resolution: StreamResolution,
  answer: Partial<ResolverAnswer> = {},
  plan: Partial<typeof PLAN> = {},
): number {
  const atMs = answer.atMs ?? START_MS
  return (
    (nextResolveMs({ atMs, failures: 0, disruptedAnswers: 0, ...answer, resolution }, { ...PLAN, ...plan }) - atMs) /
    1000
  )
}

test('an upcoming stream is resolved slowly until its start, at its start, and quickly afterwards', () => {
  const config = { ...CONFIG, scheduled_start_time: isoAt(40) }

  expect(waitSec(UPCOMING, {}, { config })).toBe(30)
  expect(waitSec(UPCOMING, { atMs: at(30) }, { config })).toBe(10)
  expect(waitSec(UPCOMING, { atMs: at(40) }, { config })).toBe(10)
  expect(waitSec(UPCOMING, {}, {})).toBe(30)
})

test('transient failures back off, and the fifth in a row opens the circuit for 30 s', () => {
  const passing: StreamResolution = { kind: 'passing', message: 'timed out' }

  expect([1, 2, 3, 4, 5, 6, 7, 100].map((failures) => waitSec(passing, { failures }))).toEqual([
    1, 2, 4, 8, 30, 32, 60, 60,
  ])
})

test('backoff has jitter and never exceeds its maximum', () => {
  const passing: StreamResolution = { kind: 'passing', message: 'timed out' }
  const waits = [0, 1].map((random) => waitSec(passing, { failures: 3 }, { random: () => random }))

  expect(waits).toEqual([3.2, 4.8])
  expect(waitSec(passing, { failures: 20 }, { random: () => 1 })).toBe(60)
})

test('a site that blocks the resolver of an undisturbed stream is left alone for up to 15 minutes', () => {
  const blocked: StreamResolution = { kind: 'blocked', cause: 'bot_check', message: '' }
  const waits = [1, 5, 20].map((failures) => waitSec(blocked, { failures }, { state: STARTED }))
  expect(waits).toEqual([5, 80, 900])
  const jittered = [0, 1].map((random) => waitSec(blocked, { failures: 20 }, { state: STARTED, random: () => random }))
  expect(jittered).toEqual([720, 1080])

  const disrupted = replay([playlist(at(11), null)], { from: STARTED }).state
  expect(waitSec(blocked, { failures: 20, atMs: at(11) }, { state: disrupted })).toBe(60)
  expect(waitSec(blocked, { failures: 20 })).toBe(60)
})

test("a playlist's URL is resolved once, a page every five minutes", () => {
  expect(waitSec({ kind: 'live', source: { ...SOURCE, by: 'direct' } })).toBe(Infinity)
  expect(waitSec({ kind: 'live', source: SOURCE })).toBe(300)
})

test('URLs are renewed an hour before they expire, short-lived ones at half their lifetime', () => {
  const expiring = (sec: number) => waitSec({ kind: 'live', source: { ...SOURCE, expiresAtMs: at(sec) } })

  expect(expiring(3600 + 120)).toBe(300)
  expect(expiring(200)).toBe(100)
  expect(expiring(-5)).toBe(30)
})

test('a stream is disrupted when it stalls, or after 15 s of failures', () => {
  expect(isDisrupted(STARTED, at(9))).toBe(false)
  expect(isDisrupted(replay([playlist(at(11), null)], { from: STARTED }).state, at(11))).toBe(true)
  const { state } = replay([{ kind: 'playlist_failed', atMs: at(1), beganMs: at(1), tracks: 'both', error: '' }], {
    from: STARTED,
  })
  expect([isDisrupted(state, at(15)), isDisrupted(state, at(16))]).toEqual([false, true])
})

test('the next tick is due when an outage becomes an alert', () => {
  const failed = { kind: 'playlist_failed', atMs: at(2), beganMs: at(1), tracks: 'both', error: '' } as const
  const { state } = replay([failed], { from: STARTED })
  expect(nextTickMs(state, CONFIG, at(2))).toBe(at(61))
  expect(nextTickMs(state, CONFIG, at(61))).toBe(Infinity)
})

test('the next tick is due when a stream that has not started becomes late', () => {
  const config = { ...CONFIG, scheduled_start_time: isoAt(0), start_delay_tolerance_sec: 60 }
  expect(nextTickMs(INITIAL_STATE, config, at(0))).toBe(at(60) + 1)
  expect(nextTickMs(STARTED, config, at(0))).toBe(Infinity)
  expect(nextTickMs(INITIAL_STATE, CONFIG, at(0))).toBe(Infinity)
  const late = replay([{ kind: 'tick', atMs: at(61) }], { config }).state
  expect(nextTickMs(late, config, at(61))).toBe(Infinity)
})
