import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import type { FakeKubernetes } from './index.ts'
import type { StoredPod } from './wire.ts'

export type CallOptions = {
  readonly body?: unknown
  /** The bearer token, by default the gateway's; null: none. */
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
}

export type CallResult = { readonly status: number; readonly headers: Headers; readonly text: string }

/** Calls the API of a fake cluster. */
export async function callApi(
  fake: FakeKubernetes,
  method: string,
  path: string,
  { body, token = fake.token, headers = {} }: CallOptions = {},
): Promise<CallResult> {
  const response = await fetch(fake.url + path, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

export type WatchEvent = { readonly type: string; readonly object: StoredPod }

/** Collects the events of a watch until `isEnough`; without it until the server closes. */
export async function collectEvents(
  fake: FakeKubernetes,
  path: string,
  isEnough: (events: readonly WatchEvent[]) => boolean = () => false,
): Promise<readonly WatchEvent[]> {
  const response = await fetch(fake.url + path, {
    headers: { authorization: `Bearer ${fake.token}` },
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  const events: WatchEvent[] = []
  let unfinished = ''
  for await (const chunk of response.body ?? []) {
    const lines = (unfinished + Buffer.from(chunk).toString('utf8')).split('\n')
    unfinished = lines.pop() ?? ''
    for (const line of lines) {
      events.push(JSON.parse(line))
      // Leaving the loop closes the watch.
      if (isEnough(events)) return events
    }
  }
  return events
}
