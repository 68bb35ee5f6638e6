import { expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { createLifetime } from '../../platform/lifetime.ts'
import { CONFIG, playlist, START_MS, replay } from '../../testing/monitor-scenario.ts'
import { createResolverPoller } from './resolver-poller.ts'
import type { StreamResolution, StreamSource } from '../stream.ts'
import { INITIAL_STATE, type MonitorState } from '../state/monitor-state.ts'
import type { MonitorObservation } from '../state/observation.ts'

const INTERVALS = { waitingMs: 30_000, waitingLateMs: 10_000, refreshMs: 30_000 }
const FOUND: StreamSource = { renditions: [], title: null, by: 'direct', expiresAtMs: null }
const LIVE: StreamResolution = { kind: 'live', source: FOUND }
const PASSING: StreamResolution = { kind: 'passing', message: 'timed out' }

/** A poller whose answers and clock the test controls. */
function startPoller(config = CONFIG) {
  let nowMs = START_MS
  let state: MonitorState = INITIAL_STATE
  const open: { readonly resolve: (resolution: StreamResolution) => void; readonly reject: (error: Error) => void }[] =
    []
  let calls = 0
  const observe = (observation: MonitorObservation) => {
    state = replay([observation], { from: state, config }).state
  }
  const never = () => Promise.reject(new Error('the resolver poller must not fetch'))
  const context = {
    monitor: { state: () => state, observe },
    config,
    clock: { nowMs: () => nowMs },
    lifetime: createLifetime(0),
    log: createLog('test', 'error', () => {}),
    client: {
      resolve: () =>
        new Promise<StreamResolution>((resolve, reject) => {
          calls++
          open.push({ resolve, reject })
        }),
      fetchPlaylist: never,
      fetchSegment: never,
      renewInit: never,
    },
  }
  let results = 0
  const poller = createResolverPoller(context, INTERVALS, () => results++)
  return {
    poller,
    observe,
    calls: () => calls,
    results: () => results,
    pass: (sec: number) => (nowMs += sec * 1000),
    async answer(resolution: StreamResolution | Error) {
      const call = open.shift()
      if (resolution instanceof Error) call?.reject(resolution)
      else call?.resolve(resolution)
      await new Promise(setImmediate)
    },
  }
}

test('one call is under way at a time, and its result is signaled', async () => {
  const { poller, calls, results, answer } = startPoller()
  expect(poller.poll(false)).toBeNull()
  expect(poller.poll(false)).toBeNull()
  expect(calls()).toBe(1)
  expect(poller.dueMs()).toBe(Infinity)

  await answer(LIVE)
  expect(results()).toBe(1)
  expect(poller.poll(false)).toBe(LIVE)
  expect(poller.poll(false)).toBeNull()
})

test('a playlist that has ended before its event is polled until the event begins, at a fixed URL', async () => {
  const scheduled = { ...CONFIG, scheduled_start_time: new Date(START_MS + 600_000).toISOString() }
  const { poller, answer, calls, pass } = startPoller(scheduled)
  poller.poll(false)
  await answer({ kind: 'ended', reason: 'endlist_detected', source: FOUND })
  expect(poller.poll(false)).toMatchObject({ kind: 'upcoming' })
  pass(30)
  poller.poll(false)
  expect(calls()).toBe(2)
  await answer(LIVE)
  expect(poller.poll(false)).toBe(LIVE)
})

test('transient failures delay the next call more and more', async () => {
  const { poller, calls, answer, pass } = startPoller()
  poller.poll(false)
  for (const waitSec of [1.5, 3, 6]) {
    await answer(PASSING)
    const before = calls()
    poller.poll(true)
    expect(calls()).toBe(before)
    pass(waitSec)
    poller.poll(false)
    expect(calls()).toBe(before + 1)
  }
})

test('a dead playlist URL is resolved again, at most once per refresh interval', async () => {
  const { poller, calls, answer, pass } = startPoller()
  poller.poll(false)
  await answer(LIVE)
  poller.poll(false)
  pass(29)
  poller.poll(true)
  expect(calls()).toBe(1)
  pass(1)
  poller.poll(true)
  expect(calls()).toBe(2)
})

test('a direct stream is resolved again only once it stalls', async () => {
  const { poller, observe, calls, answer, pass } = startPoller()
  poller.poll(false)
  await answer(LIVE)
  poller.poll(false)
  observe(playlist(START_MS, START_MS))
  pass(3600)
  poller.poll(false)
  expect(calls()).toBe(1)

  observe(playlist(START_MS + 3_600_000, null))
  poller.poll(false)
  expect(calls()).toBe(2)
})

test('a stream that stays disrupted is resolved at growing intervals of up to five minutes', async () => {
  const { poller, observe, calls, answer, pass } = startPoller()
  poller.poll(false)
  await answer(LIVE)
  poller.poll(false)
  observe(playlist(START_MS, START_MS))
  observe(playlist(START_MS + 30_000, null))
  for (const waitSec of [30, 60, 120, 240, 300, 300]) {
    const before = calls()
    pass(waitSec - 1)
    poller.poll(false)
    expect(calls()).toBe(before)
    pass(1)
    poller.poll(false)
    expect(calls()).toBe(before + 1)
    await answer(LIVE)
    poller.poll(false)
  }
})

test('a site that blocks the resolver is called again soon once the stream is disrupted', async () => {
  const { poller, observe, calls, answer, pass } = startPoller()
  poller.poll(false)
  observe(playlist(START_MS, START_MS))
  const blocks = 12
  for (let count = 1; count <= blocks; count++) {
    await answer({ kind: 'blocked', cause: 'captcha', message: '' })
    poller.poll(false)
    if (count < blocks) pass(1100)
    poller.poll(false)
  }
  expect(calls()).toBe(blocks)
  pass(61)
  poller.poll(false)
  expect(calls()).toBe(blocks)
  observe(playlist(START_MS + 15_000_000, null))
  poller.poll(false)
  expect(calls()).toBe(blocks + 1)
})

test('an error of the resolver is rethrown', async () => {
  const { poller, answer } = startPoller()
  poller.poll(false)
  await answer(new Error('broken'))
  expect(() => poller.poll(false)).toThrow('broken')
})
