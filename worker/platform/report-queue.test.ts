import { setTimeout as delay } from 'node:timers/promises'

import { afterEach, expect, test, vi } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { createLog } from '../../shared/log.ts'
import type { GatewayCallResult } from './callback.ts'
import { createReportQueue } from './report-queue.ts'

type Report = {
  readonly epoch: number
  readonly seq: number
  readonly snapshot: number
  readonly events: readonly string[]
}

afterEach(() => vi.useRealTimers())

const ACCEPTED: GatewayCallResult = { kind: 'accepted', body: { duplicate: false } }

/** Starts a queue whose reports the test answers one by one. */
function startQueue() {
  const abort = new AbortController()
  const sent: {
    readonly report: Report
    readonly answer: (result: GatewayCallResult) => void
  }[] = []
  const queue = createReportQueue<number, string>({
    epoch: 7,
    heartbeatIntervalMs: 10_000,
    initialSnapshot: 0,
    compose: (number, snapshot, events) => ({ ...number, snapshot, events }),
    send: (body, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve({ kind: 'aborted' })
        signal.addEventListener('abort', () => resolve({ kind: 'aborted' }), { once: true })
        sent.push({ report: JSON.parse(body), answer: resolve })
      }),
    log: createLog('test', 'error', () => {}),
    signal: abort.signal,
  })
  async function waitForReport(index: number) {
    const deadlineMs = performance.now() + PATIENCE_MS
    while (sent.length <= index && performance.now() < deadlineMs) await delay(5)
    const found = sent[index]
    if (found === undefined) throw new Error(`no report ${index}`)
    return found
  }
  return { queue, waitForReport, sent, abort }
}

test('a worker reports at its start, and numbers its reports from 1', async () => {
  const { queue, waitForReport } = startQueue()

  expect((await waitForReport(0)).report).toEqual({ epoch: 7, seq: 1, snapshot: 0, events: [] })
  ;(await waitForReport(0)).answer(ACCEPTED)
  queue.enqueue(1, 'now', ['started'])
  expect((await waitForReport(1)).report).toEqual({ epoch: 7, seq: 2, snapshot: 1, events: ['started'] })
})

test('one report is sent at a time; everything enqueued meanwhile goes into the next one, in order', async () => {
  const { queue, waitForReport, sent } = startQueue()
  await waitForReport(0)
  queue.enqueue(1, 'now', ['a'])
  queue.enqueue(2, 'soon')
  queue.enqueue(3, 'now', ['b', 'c'])
  expect(sent).toHaveLength(1)

  sent[0]?.answer(ACCEPTED)
  expect((await waitForReport(1)).report).toEqual({ epoch: 7, seq: 2, snapshot: 3, events: ['a', 'b', 'c'] })
})

test('progress is reported at most once a second, an event at once', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const { queue, sent } = startQueue()
  await vi.advanceTimersByTimeAsync(0)
  sent[0]?.answer(ACCEPTED)
  queue.enqueue(1, 'soon')
  queue.enqueue(2, 'soon')
  await vi.advanceTimersByTimeAsync(999)
  expect(sent).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(sent[1]?.report.snapshot).toBe(2)

  sent[1]?.answer(ACCEPTED)
  queue.enqueue(3, 'soon')
  queue.enqueue(4, 'now', ['alert'])
  await vi.advanceTimersByTimeAsync(0)
  expect(sent[2]?.report).toMatchObject({ snapshot: 4, events: ['alert'] })
})

test('an idle worker sends a heartbeat every nine seconds, with its latest snapshot', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const { queue, sent } = startQueue()
  await vi.advanceTimersByTimeAsync(0)
  sent[0]?.answer(ACCEPTED)
  queue.enqueue(5, 'later')

  await vi.advanceTimersByTimeAsync(8990)
  expect(sent).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(10)
  expect(sent[1]?.report).toEqual({ epoch: 7, seq: 2, snapshot: 5, events: [] })
})

test('a snapshot is never newer than its events: events that do not fit wait together with their snapshot', async () => {
  const { queue, waitForReport } = startQueue()
  const first = await waitForReport(0)
  for (let i = 1; i <= 120; i++) queue.enqueue(i, 'now', [`event ${i}`])

  first.answer(ACCEPTED)
  const reports: Report[] = []
  for (const index of [1, 2, 3]) {
    const { report, answer } = await waitForReport(index)
    reports.push(report)
    answer(ACCEPTED)
  }
  expect(reports.map(({ snapshot, events }) => [snapshot, events.length])).toEqual([
    [50, 50],
    [100, 50],
    [120, 20],
  ])
  expect(reports.flatMap((report) => report.events)).toEqual(Array.from({ length: 120 }, (_, i) => `event ${i + 1}`))
})

test('at most a thousand events are kept, the newest ones', async () => {
  const { queue, waitForReport } = startQueue()
  const first = await waitForReport(0)
  for (let i = 1; i <= 1100; i++) queue.enqueue(i, 'now', [`event ${i}`])
  first.answer(ACCEPTED)

  expect((await waitForReport(1)).report.events[0]).toBe('event 101')
})

test('waitUntilAcknowledged resolves once everything enqueued is acknowledged, or the queue has ended', async () => {
  const { queue, waitForReport } = startQueue()
  ;(await waitForReport(0)).answer(ACCEPTED)
  queue.enqueue(1, 'now')
  const acknowledged = queue.waitUntilAcknowledged().then(() => 'acknowledged')
  const second = await waitForReport(1)
  expect(await Promise.race([acknowledged, delay(50, 'waiting')])).toBe('waiting')
  second.answer(ACCEPTED)
  expect(await acknowledged).toBe('acknowledged')
  await queue.waitUntilAcknowledged()

  queue.enqueue(2, 'now')
  ;(await waitForReport(2)).answer({ kind: 'refused', status: 409, code: 'ASSIGNMENT_ENDED', message: 'ended' })
  await queue.waitUntilAcknowledged()
})

test('a closed queue is done once everything is acknowledged', async () => {
  const { queue, waitForReport } = startQueue()
  ;(await waitForReport(0)).answer(ACCEPTED)
  queue.enqueue(1, 'later', ['ended'])
  queue.close()

  const last = await waitForReport(1)
  expect(last.report.events).toEqual(['ended'])
  expect(await Promise.race([queue.done, delay(50, 'open')])).toBe('open')
  last.answer(ACCEPTED)
  expect(await queue.done).toEqual({ kind: 'closed' })
})

test('a refusal ends the queue, and so does an abort', async () => {
  const refused = { kind: 'refused', status: 409, code: 'STALE_EPOCH', message: 'another process' } as const
  const one = startQueue()
  ;(await one.waitForReport(0)).answer(refused)
  expect(await one.queue.done).toEqual(refused)

  const other = startQueue()
  await other.waitForReport(0)
  other.abort.abort()
  expect(await other.queue.done).toEqual({ kind: 'aborted' })
})

test('each answer is handed on, and the interval may change between two reports', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const answers: unknown[] = []
  let intervalMs = 1000
  const abort = new AbortController()
  const queue = createReportQueue<null>({
    epoch: 1,
    heartbeatIntervalMs: () => intervalMs,
    initialSnapshot: null,
    compose: ({ seq }) => seq,
    send: async (body, signal) => (signal.aborted ? { kind: 'aborted' } : { kind: 'accepted', body: `answer ${body}` }),
    onAccepted: (answer) => answers.push(answer),
    log: createLog('test', 'error', () => {}),
    signal: abort.signal,
  })
  await vi.advanceTimersByTimeAsync(0)
  expect(answers).toEqual(['answer 1'])
  await vi.advanceTimersByTimeAsync(900)
  expect(answers).toEqual(['answer 1', 'answer 2'])
  intervalMs = 5000
  queue.enqueue(null, 'later')
  await vi.advanceTimersByTimeAsync(4490)
  expect(answers).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(10)
  expect(answers).toHaveLength(3)
  abort.abort()
  await vi.advanceTimersByTimeAsync(5000)
  await queue.done
})
