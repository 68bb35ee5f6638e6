import { Hono } from 'hono'

import type { Context } from '../context.ts'
import type { MountedSystem } from '../system.ts'
import { createGaugeReader } from './read-gauges.ts'

/** Prometheus' text format, version 0.0.4. */
const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8'

/** Returns `/metrics`. No metric names a user, a stream or an address. */
export function metricsRoutes(context: Context, systems: readonly MountedSystem[]): Hono {
  const { render } = context.metrics
  const routes = new Hono()
  if (render === null) return routes
  const read = createGaugeReader(context, systems)
  return routes.get('/metrics', async (c) =>
    c.body(await render(await read()), 200, { 'Content-Type': PROMETHEUS_TEXT, 'Cache-Control': 'no-store' }),
  )
}
