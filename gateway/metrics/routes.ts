import { Hono } from 'hono'

import type { Context } from '../context.ts'
import type { System } from '../system.ts'
import { createFigureReader } from './read-figures.ts'

/** Prometheus' text format, version 0.0.4. */
const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8'

/** `/metrics`: every figure of this gateway. It names no user, stream or address, so it asks for no key. */
export function metricsRoutes(context: Context, systems: readonly System[]): Hono {
  const { render } = context.metrics
  const routes = new Hono()
  if (render === null) return routes
  const read = createFigureReader(context, systems)
  return routes.get('/metrics', async (c) =>
    c.body(await render(await read()), 200, { 'Content-Type': PROMETHEUS_TEXT, 'Cache-Control': 'no-store' }),
  )
}
