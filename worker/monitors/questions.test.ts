import { expect, test } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { createLifetime } from '../platform/lifetime.ts'
import { CONFIG, playlist, START_MS, tell } from '../testing/story.ts'
import { createQuestions } from './questions.ts'
import type { Resolution, Source } from './snapshot.ts'
import { INITIAL_STATE, type MonitorState, type Observation } from './state.ts'

const INTERVALS = { waitingMs: 30_000, waitingLateMs: 10_000, refreshMs: 30_000 }
const FOUND: Source = { renditions: [], title: null, by: 'direct', expiresAtMs: null }
const LIVE: Resolution = { kind: 'live', source: FOUND }
const PASSING: Resolution = { kind: 'passing', message: 'timed out' }

/** Questions whose answers and clock are the test's. */
function startAsking() {
  let nowMs = START_MS
  let state: MonitorState = INITIAL_STATE
  const open: { readonly resolve: (resolution: Resolution) => void; readonly reject: (error: Error) => void }[] = []
  let asked = 0
  const observe = (observation: Observation) => {
    state = tell([observation], { from: state }).state
  }
  const never = () => Promise.reject(new Error('questions fetch nothing themselves'))
  const watching = {
    monitor: { state: () => state, observe },
    config: CONFIG,
    clock: { nowMs: () => nowMs },
    lifetime: createLifetime(0),
    log: createLog('test', 'error', () => {}),
    source: {
      resolve: () =>
        new Promise<Resolution>((resolve, reject) => {
          asked++
          open.push({ resolve, reject })
        }),
      playlist: never,
      segment: never,
    },
  }
  let rings = 0
  const questions = createQuestions(watching, INTERVALS, () => rings++)
  return {
    questions,
    observe,
    asked: () => asked,
    rings: () => rings,
    pass: (sec: number) => (nowMs += sec * 1000),
    async answer(resolution: Resolution | Error) {
      const question = open.shift()
      if (resolution instanceof Error) question?.reject(resolution)
      else question?.resolve(resolution)
      await new Promise(setImmediate)
    },
  }
}

test('one question is under way at a time, and its answer rings', async () => {
  const { questions, asked, rings, answer } = startAsking()
  expect(questions.attend(false)).toBeNull()
  expect(questions.attend(false)).toBeNull()
  expect(asked()).toBe(1)
  expect(questions.dueMs()).toBe(Infinity)

  await answer(LIVE)
  expect(rings()).toBe(1)
  expect(questions.attend(false)).toBe(LIVE)
  expect(questions.attend(false)).toBeNull()
})

test('after answers that said nothing the next question comes later and later', async () => {
  const { questions, asked, answer, pass } = startAsking()
  questions.attend(false)
  for (const waitSec of [1.5, 3, 6]) {
    await answer(PASSING)
    const before = asked()
    questions.attend(true)
    expect(asked()).toBe(before)
    pass(waitSec)
    questions.attend(false)
    expect(asked()).toBe(before + 1)
  }
})

test('a playlist whose URL is dead is asked for anew, at most once a refresh interval', async () => {
  const { questions, asked, answer, pass } = startAsking()
  questions.attend(false)
  await answer(LIVE)
  questions.attend(false)
  pass(29)
  questions.attend(true)
  expect(asked()).toBe(1)
  pass(1)
  questions.attend(true)
  expect(asked()).toBe(2)
})

test('a direct stream that goes well is not asked about again, one that stands still is', async () => {
  const { questions, observe, asked, answer, pass } = startAsking()
  questions.attend(false)
  await answer(LIVE)
  questions.attend(false)
  observe(playlist(START_MS, START_MS))
  pass(3600)
  questions.attend(false)
  expect(asked()).toBe(1)

  observe(playlist(START_MS + 3_600_000, null))
  questions.attend(false)
  expect(asked()).toBe(2)
})

test('a stream that stays in trouble is asked about less and less often, up to every five minutes', async () => {
  const { questions, observe, asked, answer, pass } = startAsking()
  questions.attend(false)
  await answer(LIVE)
  questions.attend(false)
  observe(playlist(START_MS, START_MS))
  observe(playlist(START_MS + 30_000, null))
  for (const waitSec of [30, 60, 120, 240, 300, 300]) {
    const before = asked()
    pass(waitSec - 1)
    questions.attend(false)
    expect(asked()).toBe(before)
    pass(1)
    questions.attend(false)
    expect(asked()).toBe(before + 1)
    await answer(LIVE)
    questions.attend(false)
  }
})

test('a site that keeps us out is asked again soon once what is being watched goes wrong', async () => {
  const { questions, observe, asked, answer, pass } = startAsking()
  questions.attend(false)
  observe(playlist(START_MS, START_MS))
  const blocks = 12
  for (let count = 1; count <= blocks; count++) {
    await answer({ kind: 'blocked', cause: 'captcha', message: '' })
    questions.attend(false)
    if (count < blocks) pass(1100)
    questions.attend(false)
  }
  expect(asked()).toBe(blocks)
  pass(61)
  questions.attend(false)
  expect(asked()).toBe(blocks)
  observe(playlist(START_MS + 15_000_000, null))
  questions.attend(false)
  expect(asked()).toBe(blocks + 1)
})

test('what the resolver throws is thrown on', async () => {
  const { questions, answer } = startAsking()
  questions.attend(false)
  await answer(new Error('broken'))
  expect(() => questions.attend(false)).toThrow('broken')
})
