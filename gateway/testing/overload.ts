import { setTimeout as delay } from 'node:timers/promises'

import type { ApiResponse } from './test-gateway.ts'

/**
 * Repeats an idempotent call that is answered 503 or whose connection is closed, as its client should: on the edge each
 * request opens a connection to Postgres, and a busy machine may not open 100 of them within the connection timeout.
 */
export async function repeatWhileUnavailable(call: () => Promise<ApiResponse>): Promise<ApiResponse> {
  for (;;) {
    const answer = await call().catch(unlessClosed)
    if (answer !== null && answer.status !== 503) return answer
    await delay(Number(answer?.headers.get('retry-after') ?? 0) * 1000)
  }
}

/** Returns `null` where a server closed the connection, which it may do with an idle one at any time (RFC 9112 §9.3.1). */
function unlessClosed(error: unknown): null {
  if (error instanceof TypeError && isSocketError(error.cause)) return null
  throw error
}

function isSocketError(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'UND_ERR_SOCKET'
}

/** Returns the logged errors without those of requests that a busy machine answered with 503 for want of the database. */
export function withoutOverload(errors: readonly string[]): string[] {
  return errors.filter((line) => !/CONNECT_TIMEOUT|"code":"DATABASE_UNAVAILABLE"/.test(line))
}
