import { Hono } from 'hono'

/** One thing that a gateway needs to serve; `check` gives what is wrong with it, or `null`. */
export type ReadinessCheck = { readonly name: string; readonly check: () => Promise<string | null> }

/** Everything that `/readyz` asks. */
export type Readiness = readonly ReadinessCheck[]

/** `/healthz` (and `/health`): the process lives. `/readyz`: it can serve; 503 with what is wrong where it cannot. */
export function healthRoutes(readiness: Readiness): Hono {
  return new Hono()
    .get('/healthz', (c) => c.json({ status: 'ok' }))
    .get('/health', (c) => c.json({ status: 'ok' }))
    .get('/readyz', async (c) => {
      const found = await Promise.all(
        readiness.map(async ({ name, check }) => [name, (await check()) ?? 'ok'] as const),
      )
      const ready = found.every(([, state]) => state === 'ok')
      const body = { status: ready ? 'ready' : 'not_ready', checks: Object.fromEntries(found) }
      if (!ready) c.header('Retry-After', '2')
      return c.json(body, ready ? 200 : 503)
    })
}
