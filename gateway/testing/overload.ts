import { setTimeout as delay } from 'node:timers/promises'

import type { ApiResponse } from './test-gateway.ts'

/**
 * Repeats a call that is answered 503, as its client should: on the edge each request opens a connection to Postgres, and
 * a busy machine may not open 100 of them within the connection timeout.
 */
export async function repeatWhileUnavailable(call: () => Promise<ApiResponse>): Promise<ApiResponse> {
  for (;;) {
    const answer = await call()
    if (answer.status !== 503) return answer
    await delay(Number(answer.headers.get('retry-after')) * 1000)
  }
}

/** Returns the logged errors without those of requests that a busy machine answered with 503 for want of the database. */
export function withoutOverload(errors: readonly string[]): string[] {
  return errors.filter((line) => !/CONNECT_TIMEOUT|"code":"DATABASE_UNAVAILABLE"/.test(line))
}
