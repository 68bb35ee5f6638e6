import { setTimeout as delay } from 'node:timers/promises'

import { afterEach, expect, test, vi } from 'vitest'

import { createLog } from '../../shared/log.ts'
import type { CallResult } from './callback.ts'
import { createReportQueue } from './report-queue.ts'

type Report = {
  readonly epoch: number
  readonly seq: number
  readonly snapshot: number
  readonly events: readonly string[]
}

afterEach(() => vi.useRealTimers())

const ACCEPTED: CallResult = { kind: 'accepted', body: { duplicate: false } }

/** A queue whose reports are answered one by one, by the test. */
function startQueue() {
  const abort = new AbortController()
  const sent: { readonly report: Report; readonly answer: (result: CallResult) => void; readonly atMs: number }[] = []
  const queue = createReportQueue<number, string>({
    epoch: 7,
    heartbeatIntervalMs: 10_000,
    first: 0,
    compose: (number, snapshot, events) => ({ ...number, snapshot, events }),
    send: (body, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve({ kind: 'aborted' })
        signal.addEventListener('abort', () => resolve({ kind: 'aborted' }), { once: true })
        sent.push({ report: JSON.parse(body), answer: resolve, atMs: performance.now() })
      }),
    log: createLog('test', 'error', () => {}),
    signal: abort.signal,
  })
  async function nth(index: number) {
    const deadlineMs = performance.now() + 15_000
    while (sent.length <= index && performance.now() < deadlineMs) await delay(5)
    const found = sent[index]
    if (found === undefined) throw new Error(`no report ${index}`)
    return found
  }
  return { queue, nth, sent, abort }
}

test('a worker reports at its start, and numbers its reports from 1', async () => {
  const { queue, nth } = startQueue()

  expect((await nth(0)).report).toEqual({ epoch: 7, seq: 1, snapshot: 0, events: [] })
  ;(await nth(0)).answer(ACCEPTED)
  queue.tell(1, 'now', ['started'])
  expect((await nth(1)).report).toEqual({ epoch: 7, seq: 2, snapshot: 1, events: ['started'] })
})

test('one report is on its way at a time; what comes meanwhile goes into the next one, in order', async () => {
  const { queue, nth, sent } = startQueue()
  await nth(0)
  queue.tell(1, 'now', ['a'])
  queue.tell(2, 'soon')
  queue.tell(3, 'now', ['b', 'c'])
  expect(sent).toHaveLength(1)

  sent[0]?.answer(ACCEPTED)
  expect((await nth(1)).report).toEqual({ epoch: 7, seq: 2, snapshot: 3, events: ['a', 'b', 'c'] })
})

test('plain progress is told once a second at most, an event at once', async () => {
  const { queue, nth } = startQueue()
  const first = await nth(0)
  first.answer(ACCEPTED)
  queue.tell(1, 'soon')
  queue.tell(2, 'soon')
  const second = await nth(1)
  second.answer(ACCEPTED)
  expect(second.report.snapshot).toBe(2)
  expect(second.atMs - first.atMs).toBeGreaterThan(950)

  queue.tell(3, 'soon')
  queue.tell(4, 'now', ['alert'])
  const third = await nth(2)
  expect(third.report).toMatchObject({ snapshot: 4, events: ['alert'] })
  // What is not urgent would be a second later.
  expect(third.atMs - second.atMs).toBeLessThan(900)
})

test('nothing to tell is a heartbeat every nine seconds, with what is known by then', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const { queue, sent } = startQueue()
  await vi.advanceTimersByTimeAsync(0)
  sent[0]?.answer(ACCEPTED)
  queue.tell(5, 'later')

  await vi.advanceTimersByTimeAsync(8990)
  expect(sent).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(10)
  expect(sent[1]?.report).toEqual({ epoch: 7, seq: 2, snapshot: 5, events: [] })
})

test('a report never knows more than its events: what does not fit waits with its own snapshot', async () => {
  const { queue, nth } = startQueue()
  const first = await nth(0)
  for (let i = 1; i <= 120; i++) queue.tell(i, 'now', [`event ${i}`])

  first.answer(ACCEPTED)
  const seen: Report[] = []
  for (const index of [1, 2, 3]) {
    const { report, answer } = await nth(index)
    seen.push(report)
    answer(ACCEPTED)
  }
  expect(seen.map(({ snapshot, events }) => [snapshot, events.length])).toEqual([
    [50, 50],
    [100, 50],
    [120, 20],
  ])
  expect(seen.flatMap((report) => report.events)).toEqual(Array.from({ length: 120 }, (_, i) => `event ${i + 1}`))
})

test('at most a thousand events are kept, the newest', async () => {
  const { queue, nth } = startQueue()
  const first = await nth(0)
  for (let i = 1; i <= 1100; i++) queue.tell(i, 'now', [`event ${i}`])
  first.answer(ACCEPTED)

  expect((await nth(1)).report.events[0]).toBe('event 101')
})

test('whoever must know that it was heard waits until all that was told is acknowledged', async () => {
  const { queue, nth } = startQueue()
  ;(await nth(0)).answer(ACCEPTED)
  queue.tell(1, 'now')
  const settled = queue.settled().then(() => 'settled')
  const second = await nth(1)
  expect(await Promise.race([settled, delay(50, 'waiting')])).toBe('waiting')
  second.answer(ACCEPTED)
  expect(await settled).toBe('settled')
  await queue.settled()

  queue.tell(2, 'now')
  ;(await nth(2)).answer({ kind: 'refused', status: 409, code: 'ASSIGNMENT_ENDED', message: 'ended' })
  await queue.settled()
})

test('a queue that is closed is done once everything is acknowledged', async () => {
  const { queue, nth } = startQueue()
  ;(await nth(0)).answer(ACCEPTED)
  queue.tell(1, 'later', ['ended'])
  queue.close()

  const last = await nth(1)
  expect(last.report.events).toEqual(['ended'])
  expect(await Promise.race([queue.done, delay(50, 'open')])).toBe('open')
  last.answer(ACCEPTED)
  expect(await queue.done).toEqual({ kind: 'closed' })
})

test('a refusal ends the queue, and so does its signal', async () => {
  const refused = { kind: 'refused', status: 409, code: 'STALE_EPOCH', message: 'another process' } as const
  const one = startQueue()
  ;(await one.nth(0)).answer(refused)
  expect(await one.queue.done).toEqual(refused)

  const other = startQueue()
  await other.nth(0)
  other.abort.abort()
  expect(await other.queue.done).toEqual({ kind: 'aborted' })
})
