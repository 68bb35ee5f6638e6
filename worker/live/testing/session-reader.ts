import type { IngestSource } from '../../../shared/contract/live.ts'
import { signCallback } from '../../../shared/net/signing.ts'
import { until } from '../../../shared/testing/until.ts'
import { createFlvReader } from '../flv/flv-reader.ts'
import type { FlvTag } from '../flv/flv-tag.ts'

/** A reader of a session. Disposing of it closes the connection. */
export type SessionReader = AsyncDisposable & {
  readonly status: number
  readonly headers: Headers
  /** The tags so far. */
  readonly tags: readonly FlvTag[]
  readonly hasEnded: () => boolean
  waitForTags(isEnough: (tags: readonly FlvTag[]) => boolean): Promise<readonly FlvTag[]>
  /** Resolves with all tags once the session has ended. */
  readAll(): Promise<readonly FlvTag[]>
}

/** Returns a signed request for a session. */
export function signSessionRequest({ url, token }: IngestSource, query = '', nowMs = Date.now()): Request {
  const { pathname } = new URL(url)
  const timestamp = String(Math.floor(nowMs / 1000))
  const signature = signCallback(token, timestamp, { method: 'GET', path: `${pathname}${query}`, body: '' })
  return new Request(`${url}${query}`, { headers: { 'x-timestamp': timestamp, 'x-signature-256': signature } })
}

/** Opens a session from the newest key frame at or before `fromMs`, or from the newest one. */
export async function openSession(source: IngestSource, fromMs?: number): Promise<SessionReader> {
  const abort = new AbortController()
  const request = signSessionRequest(source, fromMs === undefined ? '' : `?from=${fromMs}`)
  const response = await fetch(request, { signal: abort.signal })
  const tags: FlvTag[] = []
  let hasEnded = false
  const read = async () => {
    const flv = createFlvReader()
    for await (const bytes of response.body ?? []) tags.push(...flv.read(bytes))
  }
  const done = read()
    .catch(() => {})
    .finally(() => {
      hasEnded = true
    })
  return {
    status: response.status,
    headers: response.headers,
    tags,
    hasEnded: () => hasEnded,
    waitForTags: async (isEnough) => {
      await until(() => isEnough(tags) || hasEnded, 'enough tags have come')
      return tags
    },
    readAll: async () => {
      await until(() => hasEnded, 'the session has ended')
      return tags
    },
    async [Symbol.asyncDispose]() {
      abort.abort()
      await done
    },
  }
}
