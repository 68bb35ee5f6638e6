import { Hono } from 'hono'

import { KERNEL_ERRORS } from '../../errors.ts'
import { readIdempotentCall } from '../../http/idempotency.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { answers, describe } from '../../http/openapi.ts'
import { readSession, requireSession } from '../accounts/session.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { deleteStream, endStream, renewKey, updateStream } from './change-stream.ts'
import { createStream } from './create-stream.ts'
import { getStream } from './get-stream.ts'
import { listStreams } from './list-streams.ts'
import { CreatedStream, RenewedKey, StreamList, StreamView, ViewerCurve } from './present.ts'
import { CreateStreamBody, StreamListQuery, UpdateStreamBody } from './requests.ts'
import { readViewerCurve } from './read-viewer-curve.ts'
import { streamBroadcast, type BroadcastEventSources } from './stream-events.ts'

const TAG = 'Broadcasts'
const OWNER_ERRORS = [LIVE_ERRORS.STREAM_NOT_FOUND]

const DOCS = {
  create: describe(
    TAG,
    'Create a broadcast',
    {
      ...answers(201, CreatedStream, 'The broadcast, with the stream key: it is shown once.'),
      errors: [
        KERNEL_ERRORS.INVALID_CONFIG,
        KERNEL_ERRORS.IDEMPOTENCY_KEY_REUSED,
        LIVE_ERRORS.TOO_MANY_STREAMS,
        LIVE_ERRORS.STORAGE_FULL,
      ],
      isIdempotent: true,
    },
    'session',
  ),
  list: describe(
    TAG,
    'Public broadcasts and the own ones, newest first',
    { ...answers(200, StreamList, 'A page of them.'), errors: [KERNEL_ERRORS.INVALID_CONFIG] },
    'none',
  ),
  get: describe(
    TAG,
    'A broadcast',
    { ...answers(200, StreamView, 'The broadcast; its health to its owner.'), errors: OWNER_ERRORS },
    'none',
  ),
  events: describe(
    TAG,
    'State, viewers, chat and health of a broadcast, as server-sent events',
    { ...answers(200, null, 'The stream of events, up to the end of the broadcast.'), errors: OWNER_ERRORS },
    'none',
  ),
  viewers: describe(
    TAG,
    'Viewers of the own broadcast by minutes',
    { ...answers(200, ViewerCurve, 'The most viewers in each minute on the air.'), errors: OWNER_ERRORS },
    'session',
  ),
  update: describe(
    TAG,
    'Change the own broadcast',
    {
      ...answers(200, StreamView, 'The broadcast.'),
      errors: [KERNEL_ERRORS.INVALID_CONFIG, ...OWNER_ERRORS, LIVE_ERRORS.STREAM_STARTED, LIVE_ERRORS.STORAGE_FULL],
    },
    'session',
  ),
  renewKey: describe(
    TAG,
    'Replace the stream key',
    {
      ...answers(200, RenewedKey, 'The new key. An encoder with the old one is disconnected.'),
      errors: [...OWNER_ERRORS, LIVE_ERRORS.STREAM_ENDED],
    },
    'session',
  ),
  end: describe(
    TAG,
    'End the own broadcast',
    {
      ...answers(200, StreamView, 'The broadcast, which has ended; repeated, the answer is the same.'),
      errors: OWNER_ERRORS,
    },
    'session',
  ),
  delete: describe(
    TAG,
    'Delete the own broadcast with its recording',
    { ...answers(204, null, 'It is deleted.'), errors: OWNER_ERRORS },
    'session',
  ),
} as const

/** Returns the API of broadcasts. */
export function broadcastRoutes(sources: BroadcastEventSources): Hono {
  const { context } = sources
  const routes = new Hono()
  for (const method of ['PUT', 'PATCH']) {
    routes
      .on(method, '/streams/:id', DOCS.update, requireJson, parse('json', UpdateStreamBody), async (c) =>
        c.json(await updateStream(context, await requireSession(context, c), c.req.param('id'), c.req.valid('json'))),
      )
      .on(method, '/streams/:id/end', DOCS.end, async (c) =>
        c.json(await endStream(context, await requireSession(context, c), c.req.param('id'))),
      )
  }
  return routes
    .post('/streams', DOCS.create, requireJson, parse('json', CreateStreamBody), async (c) => {
      const owner = await requireSession(context, c)
      const call = await readIdempotentCall(c, `POST /api/v1/streams ${owner.user.userId}`)
      return c.json(await createStream(context, owner, c.req.valid('json'), call), 201)
    })
    .get('/streams', DOCS.list, parse('query', StreamListQuery), async (c) =>
      c.json(await listStreams(context, await readSession(context, c), c.req.valid('query'))),
    )
    .get('/streams/:id', DOCS.get, async (c) =>
      c.json(await getStream(context, await readSession(context, c), c.req.param('id'))),
    )
    .get('/streams/:id/events', DOCS.events, async (c) =>
      streamBroadcast(sources, c, { viewer: await readSession(context, c), id: c.req.param('id') }),
    )
    .get('/streams/:id/viewers', DOCS.viewers, async (c) =>
      c.json(await readViewerCurve(context, await requireSession(context, c), c.req.param('id'))),
    )
    .post('/streams/:id/key', DOCS.renewKey, async (c) =>
      c.json(await renewKey(context, await requireSession(context, c), c.req.param('id'))),
    )
    .delete('/streams/:id', DOCS.delete, async (c) => {
      await deleteStream(context, await requireSession(context, c), c.req.param('id'))
      return c.body(null, 204)
    })
}
