import { expect, test } from 'vitest'

import { at, CONFIG, isoAt, playlist, START_MS, STARTED, tell } from '../testing/story.ts'
import { chooseSegments } from './backlog.ts'
import { pollAfterMs } from './polling.ts'
import { isUnwell, nextQuestionMs, nextTickMs, type Answer } from './schedule.ts'
import type { MediaPlaylist, Resolution, Segment, Source } from './snapshot.ts'
import { INITIAL_STATE } from './state.ts'

const PLAN = {
  state: INITIAL_STATE,
  config: CONFIG,
  intervals: { waitingMs: 30_000, waitingLateMs: 10_000, refreshMs: 30_000 },
  random: () => 0.5,
}
const SOURCE: Source = { renditions: [], title: null, by: 'yt-dlp', expiresAtMs: null }
const UPCOMING: Resolution = { kind: 'upcoming', releaseAtMs: null, title: null }

/** Seconds from an answer to the next question. */
function waitSec(resolution: Resolution, answer: Partial<Answer> = {}, plan: Partial<typeof PLAN> = {}): number {
  const atMs = answer.atMs ?? START_MS
  return (
    (nextQuestionMs({ atMs, failures: 0, inTrouble: 0, ...answer, resolution }, { ...PLAN, ...plan }) - atMs) / 1000
  )
}

test('an upcoming stream is asked about slowly until its start, at its start, and quickly from then on', () => {
  const config = { ...CONFIG, scheduled_start_time: isoAt(40) }

  expect(waitSec(UPCOMING, {}, { config })).toBe(30)
  expect(waitSec(UPCOMING, { atMs: at(30) }, { config })).toBe(10)
  expect(waitSec(UPCOMING, { atMs: at(40) }, { config })).toBe(10)
  expect(waitSec(UPCOMING, {}, {})).toBe(30)
})

test('passing trouble backs off, and the fifth failure in a row opens the circuit for 30 s', () => {
  const passing: Resolution = { kind: 'passing', message: 'timed out' }

  expect([1, 2, 3, 4, 5, 6, 7, 100].map((failures) => waitSec(passing, { failures }))).toEqual([
    1, 2, 4, 8, 30, 32, 60, 60,
  ])
})

test('back-off has jitter, and never exceeds its maximum', () => {
  const passing: Resolution = { kind: 'passing', message: 'timed out' }
  const waits = [0, 1].map((random) => waitSec(passing, { failures: 3 }, { random: () => random }))

  expect(waits).toEqual([3.2, 4.8])
  expect(waitSec(passing, { failures: 20 }, { random: () => 1 })).toBe(60)
})

test('while what is being watched goes well, a site that keeps us out is left alone up to a quarter of an hour', () => {
  const blocked: Resolution = { kind: 'blocked', cause: 'bot_check', message: '' }
  const waits = [1, 5, 20].map((failures) => waitSec(blocked, { failures }, { state: STARTED }))
  expect(waits).toEqual([5, 80, 900])
  const jittered = [0, 1].map((random) => waitSec(blocked, { failures: 20 }, { state: STARTED, random: () => random }))
  expect(jittered).toEqual([720, 1080])

  const unwell = tell([playlist(at(11), null)], { from: STARTED }).state
  expect(waitSec(blocked, { failures: 20, atMs: at(11) }, { state: unwell })).toBe(60)
  expect(waitSec(blocked, { failures: 20 })).toBe(60)
})

test("a playlist's own URL holds for good, a page is asked every five minutes", () => {
  expect(waitSec({ kind: 'live', source: { ...SOURCE, by: 'direct' } })).toBe(Infinity)
  expect(waitSec({ kind: 'live', source: SOURCE })).toBe(300)
})

test('URLs are renewed an hour before they expire, short-lived ones at half their life', () => {
  const expiring = (sec: number) => waitSec({ kind: 'live', source: { ...SOURCE, expiresAtMs: at(sec) } })

  expect(expiring(3600 + 120)).toBe(300)
  expect(expiring(200)).toBe(100)
  expect(expiring(-5)).toBe(30)
})

test('a stream is unwell when it stands still, or fails for a while', () => {
  expect(isUnwell(STARTED, at(9))).toBe(false)
  expect(isUnwell(tell([playlist(at(11), null)], { from: STARTED }).state, at(11))).toBe(true)
  const { state } = tell([{ kind: 'playlist_failed', atMs: at(1), beganMs: at(1), sides: 'both', error: '' }], {
    from: STARTED,
  })
  expect([isUnwell(state, at(15)), isUnwell(state, at(16))]).toEqual([false, true])
})

test('the moment at which an outage is told is known as long as it is to come', () => {
  const failed = { kind: 'playlist_failed', atMs: at(2), beganMs: at(1), sides: 'both', error: '' } as const
  const { state } = tell([failed], { from: STARTED })
  expect(nextTickMs(state, CONFIG, at(2))).toBe(at(61))
  expect(nextTickMs(state, CONFIG, at(61))).toBe(Infinity)
})

test('the moment of lateness is known as long as it is to come', () => {
  const config = { ...CONFIG, scheduled_start_time: isoAt(0), start_delay_tolerance_sec: 60 }
  expect(nextTickMs(INITIAL_STATE, config, at(0))).toBe(at(60) + 1)
  expect(nextTickMs(STARTED, config, at(0))).toBe(Infinity)
  expect(nextTickMs(INITIAL_STATE, CONFIG, at(0))).toBe(Infinity)
  const late = tell([{ kind: 'tick', atMs: at(61) }], { config }).state
  expect(nextTickMs(late, config, at(61))).toBe(Infinity)
})

function standing(targetDurationSec: number, lastSec = targetDurationSec): MediaPlaylist {
  return { segments: segments([lastSec]), targetDurationSec, ended: false }
}

function segments(durations: readonly number[]): readonly Segment[] {
  return durations.map((durationSec, sequence) => ({
    sequence,
    url: `http://127.0.0.1/${sequence}.ts`,
    durationSec,
    programDateTimeMs: null,
    discontinuity: false,
    byteRange: null,
    map: null,
    encryption: null,
  }))
}

test('a playlist is left alone for half a segment after it moved, then asked often', () => {
  const poll = (media: MediaPlaylist, hasNew: boolean, wasWaitedFor = false) =>
    pollAfterMs({ playlist: media, hasNew, wasWaitedFor, bytes: 1000 }, CONFIG)

  expect(poll(standing(6), true)).toBe(3000)
  expect(poll(standing(6, 2), true)).toBe(1000)
  expect([standing(1), standing(6), standing(20)].map((each) => poll(each, false))).toEqual([250, 750, 1000])
})

test('a large playlist is asked for gently, and none later than the check interval', () => {
  const bytes = 300 * 1024
  expect(pollAfterMs({ playlist: standing(6), hasNew: false, wasWaitedFor: false, bytes }, CONFIG)).toBe(3000)
  const quick = { ...CONFIG, check_interval_sec: 1 }
  expect(pollAfterMs({ playlist: standing(6), hasNew: true, wasWaitedFor: false, bytes }, quick)).toBe(1000)
})

test('where only the newest segment is wanted, a cycle takes the whole check interval', () => {
  const latest = { ...CONFIG, coverage: 'latest' as const }
  expect(pollAfterMs({ playlist: standing(2), hasNew: true, wasWaitedFor: false, bytes: 1000 }, latest)).toBe(10_000)
  const fresh = segments([2, 2, 2, 2])
  expect(chooseSegments(fresh, latest, false)).toEqual({ segments: fresh.slice(3), passed: 3 })
})

test('every segment is looked at, unless analysis cannot keep up or is minutes behind', () => {
  const fresh = segments([2, 2, 2, 2, 2])
  expect(chooseSegments(fresh, CONFIG, false)).toEqual({ segments: fresh, passed: 0 })
  expect(chooseSegments(fresh, CONFIG, true)).toEqual({ segments: fresh.slice(2), passed: 2 })
  const long = segments(Array.from({ length: 31 }, () => 10))
  expect(chooseSegments(long, CONFIG, false)).toMatchObject({ passed: 28 })
})
