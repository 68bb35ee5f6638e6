import type { ServerResponse } from 'node:http'

import { expect, onTestFinished, test, vi } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { createPodClient } from './pod-client.ts'
import { sendJson, startScriptedServer, type ScriptedCall } from './testing/scripted-server.ts'
import { watchPods, type WatchTimings } from './watch-pods.ts'
import { PATIENCE_MS, WAIT } from '../../../shared/testing/until.ts'

const TIMINGS: WatchTimings = { timeoutSec: 100, silenceTimeoutMs: 20_000, minRetryMs: 50, maxRetryMs: 200 }

const EXPIRED = { type: 'ERROR', object: { kind: 'Status', reason: 'Expired', code: 410, message: 'too old' } }

function event(type: string, resourceVersion: number): object {
  return { type, object: { kind: 'Pod', metadata: { name: 'a', resourceVersion: `${resourceVersion}` } } }
}

type Script = {
  /** Answers the nth watch. */
  readonly onWatch: (watch: Watch, nth: number) => void
  readonly onList?: (response: ServerResponse, nth: number) => void
}

type Watch = ScriptedCall & { send(...events: readonly object[]): void; readonly response: ServerResponse }

/** Starts watching a scripted server, whose nth list has version 10 × n. */
async function startWatch({ onWatch, onList }: Script, timings: Partial<WatchTimings> = {}) {
  const watches: Watch[] = []
  let lists = 0
  const server = await startScriptedServer((call, response) => {
    if (!call.query.has('watch')) {
      lists += 1
      if (onList === undefined) sendJson(response, { metadata: { resourceVersion: `${10 * lists}` }, items: [] })
      else onList(response, lists)
      return
    }
    const send = (...events: readonly object[]) => {
      response.write(events.map((one) => `${JSON.stringify(one)}\n`).join(''))
    }
    watches.push({ ...call, send, response })
    onWatch({ ...call, send, response }, watches.length)
  })
  const lines: string[] = []
  const onChange = vi.fn<() => void>()
  const caller = new AbortController()
  const client = createPodClient({ server: server.url, getToken: async () => 'secret', fetch, namespace: 'tallylight' })
  const log = createLog('test', 'debug', (line) => lines.push(line))
  const watching = watchPods(
    { client, selector: 'app=a', onChange, log, timings: { ...TIMINGS, ...timings } },
    caller.signal,
  )
  onTestFinished(async () => {
    caller.abort()
    await watching
  })
  const messages = () => lines.map((line) => (JSON.parse(line) as { message: string }).message)
  const since = () => watches.map(({ query }) => query.get('resourceVersion'))
  const waitForRetry = () => new Promise((resolve) => setTimeout(resolve, TIMINGS.minRetryMs + 20))
  return { server, watches, onChange, caller, watching, messages, since, waitForRetry, lists: () => lists }
}

const FAILED = 'watch on worker Pods failed, changes are seen at the next reconcile'
const RESUMED = 'watch on worker Pods resumed'

test('a watch begins with a list of one, then calls back once, and for every change but not for a bookmark', async () => {
  const { server, watches, onChange } = await startWatch({
    onWatch: ({ send }) => send(event('ADDED', 11), event('BOOKMARK', 12), event('MODIFIED', 13), event('DELETED', 14)),
  })
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(4), WAIT)
  expect(server.calls.map(({ path }) => path)).toEqual(Array(2).fill('/api/v1/namespaces/tallylight/pods'))
  expect(Object.fromEntries(server.calls[0]?.query ?? [])).toEqual({ labelSelector: 'app=a', limit: '1' })
  const { timeoutSeconds, ...query } = Object.fromEntries(watches[0]?.query ?? [])
  expect(query).toEqual({ watch: '1', allowWatchBookmarks: 'true', labelSelector: 'app=a', resourceVersion: '10' })
  expect(Number(timeoutSeconds)).toBeGreaterThanOrEqual(80)
  expect(Number(timeoutSeconds)).toBeLessThanOrEqual(100)
})

test('a sound watch that the server closes continues at once from its last version', async () => {
  const retryMs = 3000
  const { watches, onChange, since, lists, messages } = await startWatch(
    {
      onWatch: ({ send }, nth) =>
        send(...(nth === 1 ? [event('ADDED', 11), event('BOOKMARK', 15)] : [event('ADDED', 16)])),
    },
    { minRetryMs: retryMs, maxRetryMs: retryMs },
  )
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2), WAIT)
  await new Promise((resolve) => setTimeout(resolve, retryMs))
  const closed = performance.now()
  watches[0]?.response.end()
  await vi.waitFor(() => expect(since()).toEqual(['10', '15']), WAIT)
  expect(performance.now() - closed).toBeLessThan(retryMs)
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(3), WAIT)
  expect(lists()).toBe(1)
  expect(messages()).toEqual([])
})

test('watches that the server closes at once are repeated with pauses', async () => {
  const minRetryMs = 400
  const times: number[] = []
  await startWatch(
    {
      onWatch({ response }) {
        times.push(performance.now())
        response.end()
      },
    },
    { minRetryMs, maxRetryMs: minRetryMs },
  )
  await vi.waitFor(() => expect(times.length).toBeGreaterThan(3), WAIT)
  // The random part of a pause is a fifth. On a busy machine a timer ends early: it counts from the start of its turn.
  for (const [index, time] of times.slice(1).entries())
    expect(time - (times[index] ?? 0)).toBeGreaterThanOrEqual(minRetryMs / 2)
})

test.each<[string, (watch: Watch) => void]>([
  ['by a status', ({ response }) => sendJson(response, EXPIRED.object, 410)],
  ['by an event', ({ send }) => send(EXPIRED)],
])('an expired version, reported %s, is followed at once by a new list and a call back', async (_how, answer) => {
  const { onChange, since, lists, messages } = await startWatch(
    { onWatch: (watch, nth) => (nth === 1 ? answer(watch) : watch.send(event('ADDED', 21))) },
    { minRetryMs: 10 * PATIENCE_MS, maxRetryMs: 10 * PATIENCE_MS },
  )
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(3), WAIT)
  expect(since()).toEqual(['10', '20'])
  expect(lists()).toBe(2)
  expect(messages()).toEqual([])
})

test('a broken watch continues from its last version, with one log line for the outage', async () => {
  const { watches, onChange, since, waitForRetry, lists, messages } = await startWatch({
    onWatch: ({ send }, nth) => send(event('MODIFIED', 10 + nth)),
  })
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2), WAIT)
  await waitForRetry()
  watches[0]?.response.destroy()
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(3), WAIT)
  expect(since()).toEqual(['10', '11'])
  expect(lists()).toBe(1)
  expect(messages()).toEqual([FAILED, RESUMED])
})

test('a failing server is retried with backoff and logged once; its return is followed by a call back', async () => {
  const times: number[] = []
  const { onChange, messages } = await startWatch({
    onList(response, nth) {
      times.push(performance.now())
      if (nth <= 5) sendJson(response, { message: 'etcd is gone' }, nth % 2 === 0 ? 500 : 403)
      else sendJson(response, { metadata: { resourceVersion: '60' }, items: [] })
    },
    onWatch: ({ send }) => send(event('BOOKMARK', 61)),
  })
  await vi.waitFor(() => expect(messages()).toEqual([FAILED, RESUMED]), WAIT)
  expect(onChange).toHaveBeenCalledTimes(1)
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  for (const [index, least] of [40, 80, 160, 160, 160].entries())
    expect(pauses[index]).toBeGreaterThanOrEqual(least - 2)
})

test('the Retry-After of the server is obeyed', async () => {
  const { lists } = await startWatch(
    {
      onList: (response) => void response.writeHead(429, { 'retry-after': '600' }).end(),
      onWatch: () => undefined,
    },
    { minRetryMs: 1, maxRetryMs: 1 },
  )
  await vi.waitFor(() => expect(lists()).toBe(1), WAIT)
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(lists()).toBe(1)
})

test.each<[string, (watch: Watch) => void]>([
  ['an error event', ({ send }) => send({ type: 'ERROR', object: { code: 500, message: 'no' } })],
  ['no JSON', ({ response }) => response.write('<html>\n')],
])('a watch that answers with %s is followed by a new list', async (_what, answer) => {
  const { since, messages } = await startWatch(
    { onWatch: (watch, nth) => (nth === 1 ? answer(watch) : watch.send(event('BOOKMARK', 21))) },
    // No watch lasts long enough to count as sound, and pauses are short.
    { minRetryMs: 60_000, maxRetryMs: 50 },
  )
  await vi.waitFor(() => expect(messages()).toEqual([FAILED, RESUMED]), WAIT)
  expect(since()).toEqual(['10', '20'])
})

test('a silent watch is closed and continued', async () => {
  const { since, messages } = await startWatch(
    { onWatch: ({ send, response }, nth) => (nth === 1 ? response.flushHeaders() : send(event('BOOKMARK', 11))) },
    { silenceTimeoutMs: 2000 },
  )
  await vi.waitFor(() => expect(messages()).toContain(RESUMED), WAIT)
  expect(since().slice(0, 2)).toEqual(['10', '10'])
})

test('a watch that sends events stays open', async () => {
  const silenceTimeoutMs = 2000
  const { watches } = await startWatch(
    {
      onWatch({ send, response }) {
        const timer = setInterval(() => send(event('BOOKMARK', 11)), 50)
        response.on('close', () => clearInterval(timer))
      },
    },
    { silenceTimeoutMs },
  )
  await new Promise((resolve) => setTimeout(resolve, 2 * silenceTimeoutMs))
  expect(watches).toHaveLength(1)
})

test('after an abort the connection is closed and no call back follows', async () => {
  const { onChange, watches, caller, watching, server, messages } = await startWatch({
    onWatch: ({ send }) => send(event('ADDED', 11)),
  })
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2), WAIT)
  const { response } = watches[0] ?? {}
  const closed = new Promise((resolve) => response?.on('close', resolve))
  response?.write(`${JSON.stringify(event('ADDED', 12))}\n`)
  caller.abort()
  await watching
  await closed
  expect(onChange.mock.calls.length).toBeLessThanOrEqual(3)
  expect(server.calls).toHaveLength(2)
  expect(messages()).toEqual([])
})
