import { readServerSentEvents } from './server-sent-events.ts'
import { TEST_KEYS, type Json } from './test-gateway.ts'

/** One event as it came. */
export type Received = { readonly id: number; readonly event: string; readonly data: Json }

/** A reader of a stream of server-sent events, who keeps what comes. */
export type EventSource = Disposable & {
  readonly status: number
  readonly headers: Headers
  readonly events: readonly Received[]
  /** Fields and comments besides, as they came. */
  readonly others: readonly string[]
  /** Resolves at the stream's end; rejects where it was cut off. */
  readonly ended: Promise<void>
  /** Leaves in the middle. */
  leave(): void
}

/** Opens a stream by the API key. */
export async function openEventSource(url: string, headers: Record<string, string> = {}): Promise<EventSource> {
  const leaving = new AbortController()
  const answer = await fetch(url, {
    headers: { 'x-api-key': TEST_KEYS.API_KEY, ...headers },
    signal: leaving.signal,
  })
  const events: Received[] = []
  const others: string[] = []
  const ended = read(answer, events, others)
  ended.catch(() => undefined)
  const leave = () => leaving.abort()
  return { status: answer.status, headers: answer.headers, events, others, ended, leave, [Symbol.dispose]: leave }
}

async function read({ body }: Response, events: Received[], others: string[]): Promise<void> {
  for await (const { id, event, data, text } of readServerSentEvents(body ?? [])) {
    if (data === '') others.push(text)
    else events.push({ id: Number(id), event, data: JSON.parse(data) })
  }
}
