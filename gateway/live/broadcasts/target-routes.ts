import { Hono } from 'hono'

import { KERNEL_ERRORS } from '../../errors.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { answers, describe } from '../../http/openapi.ts'
import { requireSession } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { TargetList, TargetView } from '../targets/present.ts'
import { addTarget, readTargets, removeTarget } from './change-targets.ts'
import { addTargetBody } from './target-requests.ts'

const TAG = 'Targets'
const OWNER_ERRORS = [LIVE_ERRORS.STREAM_NOT_FOUND]

const DOCS = {
  add: describe(
    TAG,
    'Push the own broadcast to another platform',
    {
      ...answers(201, TargetView, 'The target. Its key is stored encrypted, and is in no answer.'),
      errors: [
        KERNEL_ERRORS.INVALID_CONFIG,
        ...OWNER_ERRORS,
        LIVE_ERRORS.STREAM_ENDED,
        LIVE_ERRORS.TOO_MANY_TARGETS,
        LIVE_ERRORS.TARGET_EXISTS,
      ],
    },
    'session',
  ),
  list: describe(
    TAG,
    'The platforms that the own broadcast is pushed to',
    { ...answers(200, TargetList, 'All of them, with their states.'), errors: OWNER_ERRORS },
    'session',
  ),
  remove: describe(
    TAG,
    'Push the own broadcast to a platform no longer',
    { ...answers(204, null, 'It is removed.'), errors: [...OWNER_ERRORS, LIVE_ERRORS.TARGET_NOT_FOUND] },
    'session',
  ),
} as const

/** Returns the API of the platforms that broadcasts are pushed to. */
export function targetRoutes(context: LiveContext): Hono {
  const { allowPrivateNetworks } = context.settings
  return new Hono()
    .post(
      '/streams/:id/targets',
      DOCS.add,
      requireJson,
      parse('json', addTargetBody({ allowPrivateNetworks })),
      async (c) =>
        c.json(await addTarget(context, await requireSession(context, c), c.req.param('id'), c.req.valid('json')), 201),
    )
    .get('/streams/:id/targets', DOCS.list, async (c) =>
      c.json(await readTargets(context, await requireSession(context, c), c.req.param('id'))),
    )
    .delete('/streams/:id/targets/:target', DOCS.remove, async (c) => {
      await removeTarget(context, await requireSession(context, c), c.req.param('id'), c.req.param('target'))
      return c.body(null, 204)
    })
}
