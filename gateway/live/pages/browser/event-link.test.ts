import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { linkEvents, type EventStream } from './event-link.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const [CONNECTING, OPEN, CLOSED] = [0, 1, 2]

/** A stream of a test, which does what the test says. */
class TestStream implements EventStream {
  readyState = CONNECTING
  readonly #listeners = new Map<string, ((event: { readonly data?: unknown }) => void)[]>()
  addEventListener(name: string, listener: (event: { readonly data?: unknown }) => void): void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener])
  }
  close(): void {
    this.readyState = CLOSED
  }
  emit(name: string, readyState: number = OPEN, data?: unknown): void {
    this.readyState = readyState
    for (const listener of this.#listeners.get(name) ?? []) listener({ data })
  }
}

/** Links to streams of a test; says which there were, and what the page has shown. */
function link({ isGone = false } = {}) {
  const streams: TestStream[] = []
  const shown: unknown[] = []
  const end = linkEvents(
    {
      events: new Map([['state', (data: unknown) => void shown.push(data)]]),
      onConnection: (isConnected) => void shown.push(isConnected),
      onLoss: () => undefined,
      mayReturn: async () => !isGone,
    },
    () => {
      const stream = new TestStream()
      streams.push(stream)
      return stream
    },
  )
  const newest = () => streams.at(-1) ?? new TestStream()
  return { streams, shown, end, newest }
}

test('a stream on which nothing comes any more is seen within five seconds and opened anew', () => {
  const { streams, shown, newest } = link()
  newest().emit('open')
  for (let pings = 0; pings < 10; pings++) {
    newest().emit('ping')
    vi.advanceTimersByTime(2000)
  }
  expect([streams.length, shown]).toEqual([1, []])
  vi.advanceTimersByTime(3000)
  expect([streams.length, shown]).toEqual([2, [false]])
  expect(streams[0]?.readyState).toBe(CLOSED)
  newest().emit('open')
  newest().emit('state', OPEN, 'live')
  expect(shown).toEqual([false, true, 'live'])
})

test('a connection that cannot be made is tried again, and one to a gateway without pings is left alone', () => {
  const { streams, newest } = link()
  vi.advanceTimersByTime(5000)
  expect(streams.length).toBe(2)
  newest().emit('open')
  vi.advanceTimersByTime(60_000)
  expect(streams.length).toBe(2)
})

test('a loss that heals within two seconds is not shown; a longer one is, until it heals', () => {
  const { shown, newest } = link()
  newest().emit('open')
  newest().emit('error', CONNECTING)
  vi.advanceTimersByTime(1900)
  newest().emit('open')
  vi.advanceTimersByTime(1000)
  expect(shown).toEqual([])
  newest().emit('error', CONNECTING)
  vi.advanceTimersByTime(2000)
  expect(shown).toEqual([false])
  newest().emit('open')
  expect(shown).toEqual([false, true])
})

test('a stream that is refused is opened again, and not where it will never come back', async () => {
  const away = link()
  away.newest().emit('error', CLOSED)
  await vi.advanceTimersByTimeAsync(3000)
  expect([away.streams.length, away.shown]).toEqual([2, [false]])
  away.end()
  const gone = link({ isGone: true })
  gone.newest().emit('error', CLOSED)
  await vi.advanceTimersByTimeAsync(60_000)
  expect([gone.streams.length, gone.shown]).toEqual([1, []])
})

test('a link that has ended does nothing any more', async () => {
  const { streams, shown, end, newest } = link()
  newest().emit('open')
  newest().emit('ping')
  end()
  await vi.advanceTimersByTimeAsync(60_000)
  expect([streams.length, streams[0]?.readyState, shown]).toEqual([1, CLOSED, []])
})
