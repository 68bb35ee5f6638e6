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

async function read(answer: Response, events: Received[], others: string[]): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of answer.body ?? []) {
    const blocks = (rest + decoder.decode(piece, { stream: true })).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const [, id, event, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(block) ?? []
      if (data === undefined) others.push(block)
      else events.push({ id: Number(id), event: event ?? '', data: JSON.parse(data) })
    }
  }
}
