import { Hono } from 'hono'

import type { Context } from '../../context.ts'
import { parse } from '../../http/json-body.ts'
import { answers, describe } from '../../http/openapi.ts'
import { KERNEL_ERRORS } from '../../errors.ts'
import type { MountedSystem } from '../../system.ts'
import { listAllWorkers, WorkersQuery } from './list-workers.ts'
import { WorkersStatus } from './present.ts'

const STATUS_DOCS = describe('Workers', 'What runs: each worker, the newest first, and the capacity in use', {
  ...answers(200, WorkersStatus, 'A page of workers; `capacity` is that of the whole system.'),
  errors: [KERNEL_ERRORS.INVALID_CONFIG],
})

/** Returns `GET /workers/status`, for workers of every kind. */
export function workerStatusRoutes(context: Context, systems: readonly MountedSystem[]): Hono {
  return new Hono().get('/workers/status', STATUS_DOCS, parse('query', WorkersQuery), async (c) =>
    c.json(await listAllWorkers(context, systems, c.req.valid('query'))),
  )
}
