import { readServerSentEvents } from './server-sent-events.ts'
import { TEST_KEYS, type Json } from './test-gateway.ts'

/** One received event; `id` is 0 where it has none. */
export type ReceivedEvent = { readonly id: number; readonly event: string; readonly data: Json }

/** A client of a stream of server-sent events that records what it receives. */
export type EventSource = Disposable & {
  readonly status: number
  readonly headers: Headers
  readonly events: readonly ReceivedEvent[]
  /** Returns what a browser sends as `Last-Event-ID` when it connects again; `null`: nothing. */
  readonly lastId: () => string | null
  /** Text of the blocks without data: `retry` fields and comments. */
  readonly otherBlocks: readonly string[]
  /** Resolves at the end of the stream; rejects where the connection broke. */
  readonly ended: Promise<void>
  /** Aborts the request. */
  disconnect(): void
}

/** Opens a stream with the API key. */
export async function openEventSource(url: string, headers: Record<string, string> = {}): Promise<EventSource> {
  const leaving = new AbortController()
  const answer = await fetch(url, {
    headers: { 'x-api-key': TEST_KEYS.API_KEY, ...headers },
    signal: leaving.signal,
  })
  const events: ReceivedEvent[] = []
  const others: string[] = []
  let lastId: string | null = null
  const ended = collectEvents(answer, { events, others, onId: (id) => (lastId = id) })
  ended.catch(() => undefined)
  const leave = () => leaving.abort()
  return {
    status: answer.status,
    headers: answer.headers,
    events,
    lastId: () => lastId,
    otherBlocks: others,
    ended,
    disconnect: leave,
    [Symbol.dispose]: leave,
  }
}

type Collected = {
  readonly events: ReceivedEvent[]
  readonly others: string[]
  readonly onId: (id: string) => void
}

async function collectEvents({ body }: Response, { events, others, onId }: Collected): Promise<void> {
  for await (const { id, event, data, text } of readServerSentEvents(body ?? [])) {
    if (id !== '') onId(id)
    if (data === '') others.push(text)
    else events.push({ id: Number(id), event, data: JSON.parse(data) })
  }
}
