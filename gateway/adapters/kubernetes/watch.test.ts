import type { ServerResponse } from 'node:http'

import { expect, onTestFinished, test, vi } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { createPodClient } from './client.ts'
import { sendJson, startScriptedServer, type Call } from './testing/scripted-server.ts'
import { watchPods, type WatchPace } from './watch.ts'

const PACE: WatchPace = { timeoutSec: 100, silentAfterMs: 20_000, retryMs: 50, longestRetryMs: 200 }

const EXPIRED = { type: 'ERROR', object: { kind: 'Status', reason: 'Expired', code: 410, message: 'too old' } }

function event(type: string, resourceVersion: number): object {
  return { type, object: { kind: 'Pod', metadata: { name: 'a', resourceVersion: `${resourceVersion}` } } }
}

type Script = {
  /** Answers the nth watch. */
  readonly onWatch: (watch: Watch, nth: number) => void
  readonly onList?: (response: ServerResponse, nth: number) => void
}

type Watch = Call & { send(...events: readonly object[]): void; readonly response: ServerResponse }

/** A watch at work against a server that does as scripted: its nth list is of version 10 × n. */
async function startWatch({ onWatch, onList }: Script, pace: Partial<WatchPace> = {}) {
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
  const leaving = new AbortController()
  const client = createPodClient({ server: server.url, token: async () => 'secret', fetch, namespace: 'tallylight' })
  const log = createLog('test', 'debug', (line) => lines.push(line))
  const watching = watchPods({ client, selector: 'app=a', onChange, log, pace: { ...PACE, ...pace } }, leaving.signal)
  onTestFinished(async () => {
    leaving.abort()
    await watching
  })
  const messages = () => lines.map((line) => (JSON.parse(line) as { message: string }).message)
  const since = () => watches.map(({ query }) => query.get('resourceVersion'))
  const lived = () => new Promise((resolve) => setTimeout(resolve, PACE.retryMs + 20))
  return { server, watches, onChange, leaving, watching, messages, since, lived, lists: () => lists }
}

const BROKEN = 'the watch on workers is broken; they are still listed from time to time'
const MENDED = 'workers are watched again'

test('begins with a list of one, wakes once for it, and then for every change but not for a bookmark', async () => {
  const { server, watches, onChange } = await startWatch({
    onWatch: ({ send }) => send(event('ADDED', 11), event('BOOKMARK', 12), event('MODIFIED', 13), event('DELETED', 14)),
  })
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(4))
  expect(server.calls.map(({ path }) => path)).toEqual(Array(2).fill('/api/v1/namespaces/tallylight/pods'))
  expect(Object.fromEntries(server.calls[0]?.query ?? [])).toEqual({ labelSelector: 'app=a', limit: '1' })
  const { timeoutSeconds, ...query } = Object.fromEntries(watches[0]?.query ?? [])
  expect(query).toEqual({ watch: '1', allowWatchBookmarks: 'true', labelSelector: 'app=a', resourceVersion: '10' })
  expect(Number(timeoutSeconds)).toBeGreaterThanOrEqual(80)
  expect(Number(timeoutSeconds)).toBeLessThanOrEqual(100)
})

test('a server that closes after a while is watched again at once, from the last version that it told', async () => {
  const retryMs = 1000
  const { watches, onChange, since, lists, messages } = await startWatch(
    {
      onWatch: ({ send }, nth) =>
        send(...(nth === 1 ? [event('ADDED', 11), event('BOOKMARK', 15)] : [event('ADDED', 16)])),
    },
    { retryMs, longestRetryMs: retryMs },
  )
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2))
  await new Promise((resolve) => setTimeout(resolve, retryMs))
  const closed = performance.now()
  watches[0]?.response.end()
  await vi.waitFor(() => expect(since()).toEqual(['10', '15']))
  expect(performance.now() - closed).toBeLessThan(retryMs / 2)
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(3))
  expect(lists()).toBe(1)
  expect(messages()).toEqual([])
})

test('a server that closes each watch at once is not asked without a pause', async () => {
  const { watches, lived } = await startWatch({ onWatch: ({ response }) => response.end() })
  await vi.waitFor(() => expect(watches.length).toBeGreaterThan(1))
  const before = watches.length
  await lived()
  await lived()
  expect(watches.length - before).toBeLessThanOrEqual(3)
})

test.each<[string, (watch: Watch) => void]>([
  ['as a status', ({ response }) => sendJson(response, EXPIRED.object, 410)],
  ['as an event', ({ send }) => send(EXPIRED)],
])(
  'a version that is too old, told %s, is listed anew at once, and what was missed is looked for',
  async (_how, answer) => {
    const { onChange, since, lists, messages } = await startWatch(
      { onWatch: (watch, nth) => (nth === 1 ? answer(watch) : watch.send(event('ADDED', 21))) },
      { retryMs: 20_000, longestRetryMs: 20_000 },
    )
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(3))
    expect(since()).toEqual(['10', '20'])
    expect(lists()).toBe(2)
    expect(messages()).toEqual([])
  },
)

test('a watch that breaks is taken up again where it was, with one line for the outage', async () => {
  const { onChange, since, lived, lists, messages } = await startWatch({
    onWatch({ send, response }, nth) {
      send(event('MODIFIED', 10 + nth))
      if (nth === 1) void lived().then(() => response.destroy())
    },
  })
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(3))
  expect(since()).toEqual(['10', '11'])
  expect(lists()).toBe(1)
  expect(messages()).toEqual([BROKEN, MENDED])
})

test('a server that fails for a while is asked ever more slowly, told of once, and looked at when it is back', async () => {
  const times: number[] = []
  const { onChange, messages } = await startWatch({
    onList(response, nth) {
      times.push(performance.now())
      if (nth <= 5) sendJson(response, { message: 'etcd is gone' }, nth % 2 === 0 ? 500 : 403)
      else sendJson(response, { metadata: { resourceVersion: '60' }, items: [] })
    },
    onWatch: ({ send }) => send(event('BOOKMARK', 61)),
  })
  await vi.waitFor(() => expect(messages()).toEqual([BROKEN, MENDED]), 5000)
  expect(onChange).toHaveBeenCalledTimes(1)
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  for (const [index, least] of [40, 80, 160, 160, 160].entries())
    expect(pauses[index]).toBeGreaterThanOrEqual(least - 2)
})

test('a server that asks to be left alone is', async () => {
  const { lists } = await startWatch(
    {
      onList: (response) => void response.writeHead(429, { 'retry-after': '1' }).end(),
      onWatch: () => undefined,
    },
    { retryMs: 1, longestRetryMs: 1 },
  )
  await vi.waitFor(() => expect(lists()).toBe(1))
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(lists()).toBe(1)
})

test.each<[string, (watch: Watch) => void]>([
  [
    'a version that it will not watch from',
    ({ send }) => send({ type: 'ERROR', object: { code: 500, message: 'no' } }),
  ],
  ['something else than events', ({ response }) => response.write('<html>\n')],
])('a server with %s is listed anew', async (_what, answer) => {
  const { since, messages } = await startWatch({
    onWatch: (watch, nth) => (nth === 1 ? answer(watch) : watch.send(event('BOOKMARK', 21))),
  })
  await vi.waitFor(() => expect(messages()).toEqual([BROKEN, MENDED]))
  expect(since()).toEqual(['10', '20'])
})

test('a watch from which nothing comes any more is cut, and taken up again', async () => {
  const { since, messages } = await startWatch(
    { onWatch: ({ send, response }, nth) => (nth === 1 ? response.flushHeaders() : send(event('BOOKMARK', 11))) },
    { silentAfterMs: 200 },
  )
  await vi.waitFor(() => expect(messages()).toContain(MENDED))
  expect(since().slice(0, 2)).toEqual(['10', '10'])
})

test('a watch that speaks is not cut', async () => {
  const { watches, lived } = await startWatch(
    {
      onWatch({ send, response }) {
        const timer = setInterval(() => send(event('BOOKMARK', 11)), 50)
        response.on('close', () => clearInterval(timer))
      },
    },
    { silentAfterMs: 200 },
  )
  for (let n = 0; n < 8; n++) await lived()
  expect(watches).toHaveLength(1)
})

test('once it is left, the connection is closed and nothing is called any more', async () => {
  const { onChange, watches, leaving, watching, server, messages } = await startWatch({
    onWatch: ({ send }) => send(event('ADDED', 11)),
  })
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2))
  const { response } = watches[0] ?? {}
  const closed = new Promise((resolve) => response?.on('close', resolve))
  response?.write(`${JSON.stringify(event('ADDED', 12))}\n`)
  leaving.abort()
  await watching
  await closed
  expect(onChange.mock.calls.length).toBeLessThanOrEqual(3)
  expect(server.calls).toHaveLength(2)
  expect(messages()).toEqual([])
})
