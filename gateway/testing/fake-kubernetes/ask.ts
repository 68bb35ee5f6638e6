import type { FakeKubernetes } from './index.ts'
import type { StoredPod } from './wire.ts'

export type Question = {
  readonly body?: unknown
  /** The bearer token; null: none. */
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
}

export type Reply = { readonly status: number; readonly headers: Headers; readonly text: string }

/** Calls a fake as a client would. */
export async function ask(
  fake: FakeKubernetes,
  method: string,
  path: string,
  { body, token = fake.token, headers = {} }: Question = {},
): Promise<Reply> {
  const answer = await fetch(fake.url + path, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

export type WatchEvent = { readonly type: string; readonly object: StoredPod }

/** The events of a watch: `until` says when enough have come; without it until the server closes. */
export async function watch(
  fake: FakeKubernetes,
  path: string,
  until: (events: readonly WatchEvent[]) => boolean = () => false,
): Promise<readonly WatchEvent[]> {
  const answer = await fetch(fake.url + path, {
    headers: { authorization: `Bearer ${fake.token}` },
    signal: AbortSignal.timeout(20_000),
  })
  const events: WatchEvent[] = []
  let rest = ''
  for await (const chunk of answer.body ?? []) {
    const lines = (rest + Buffer.from(chunk).toString('utf8')).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      events.push(JSON.parse(line))
      // Whoever leaves the loop leaves the watch.
      if (until(events)) return events
    }
  }
  return events
}
