import { setTimeout as wait } from 'node:timers/promises'

import type { Json } from '../../testing/test-gateway.ts'
import { signUp } from '../../live/testing/live-gateway.ts'
import type { BenchSystem } from '../system.ts'

/** Calls of a user who broadcasts. */
export type Broadcaster = {
  create(more?: object): Promise<{ readonly id: string; readonly key: string; readonly rtmpUrl: string }>
  end(id: string): Promise<void>
}

/** Registers a user of a gateway. */
export async function registerBroadcaster({ origin }: BenchSystem): Promise<Broadcaster> {
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(origin + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    const json: Json = JSON.parse(text)
    return { status: response.status, headers: response.headers, text, json }
  }
  const { headers } = await signUp(call, 'bench')
  return {
    async create(more = {}) {
      const { json } = await call('POST', '/api/v1/streams', { title: 'Bench', ...more }, headers)
      return { id: json.stream_id, key: json.stream_key, rtmpUrl: json.ingest.rtmp_url }
    },
    end: async (id) => void (await call('PUT', `/api/v1/streams/${id}/end`, undefined, headers)),
  }
}

/**
 * Resolves once a condition holds.
 * @throws Error with `what` where it does not within a minute
 */
export async function waitUntil(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + 60_000
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`timed out before ${what}`)
    await wait(100)
  }
}
