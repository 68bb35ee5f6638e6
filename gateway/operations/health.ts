import { Hono } from 'hono'

/** One thing that a gateway needs to serve; `check` returns what is wrong with it, or `null`. */
export type ReadinessCheck = { readonly name: string; readonly check: () => Promise<string | null> }

/** Everything that `/readyz` checks. */
export type Readiness = readonly ReadinessCheck[]

/** Returns `/healthz` (also `/health`): the process lives; and `/readyz`: it can serve, or 503 with what is wrong. */
export function healthRoutes(readiness: Readiness, readFacts: () => Readonly<Record<string, unknown>>): Hono {
  return new Hono()
    .get('/healthz', (c) => c.json({ status: 'ok' }))
    .get('/health', (c) => c.json({ status: 'ok' }))
    .get('/readyz', async (c) => {
      const found = await Promise.all(
        readiness.map(async ({ name, check }) => [name, (await check()) ?? 'ok'] as const),
      )
      const isReady = found.every(([, state]) => state === 'ok')
      const body = { status: isReady ? 'ready' : 'not_ready', checks: Object.fromEntries(found), ...readFacts() }
      if (!isReady) c.header('Retry-After', '2')
      return c.json(body, isReady ? 200 : 503)
    })
}
