import { Hono } from 'hono'

import { KERNEL_ERRORS } from '../../errors.ts'
import { readIdempotentCall } from '../../http/idempotency.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { answers, describe } from '../../http/openapi.ts'
import { readSession, requireSession } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { clipArchive, clipStream } from './create-clip.ts'
import { ClipList, ClipView } from './present.ts'
import { deleteClip, getClip, listClips, updateClip } from './read-clips.ts'
import { ArchiveClipBody, ClipListQuery, StreamClipBody, UpdateClipBody } from './requests.ts'

const TAG = 'Clips'
const ERRORS = [LIVE_ERRORS.CLIP_NOT_FOUND]
const ORDERED = answers(201, ClipView, 'The clip, which is being made: `status` says when it is ready.')
const ORDER_ERRORS = [
  KERNEL_ERRORS.INVALID_CONFIG,
  KERNEL_ERRORS.IDEMPOTENCY_KEY_REUSED,
  LIVE_ERRORS.CHAT_BANNED,
  LIVE_ERRORS.STORAGE_FULL,
  LIVE_ERRORS.CLIP_LIMITED,
  LIVE_ERRORS.CLIPS_BUSY,
]

const DOCS = {
  ofStream: describe(
    TAG,
    'Cut a clip of a broadcast, also while it is live',
    { ...ORDERED, errors: [LIVE_ERRORS.STREAM_NOT_FOUND, ...ORDER_ERRORS], isIdempotent: true },
    'session',
  ),
  ofArchive: describe(
    TAG,
    'Cut a clip of a recording',
    { ...ORDERED, errors: [LIVE_ERRORS.ARCHIVE_NOT_FOUND, ...ORDER_ERRORS], isIdempotent: true },
    'session',
  ),
  list: describe(
    TAG,
    'Public clips and the own ones, newest first',
    { ...answers(200, ClipList, 'A page of them.'), errors: [KERNEL_ERRORS.INVALID_CONFIG] },
    'none',
  ),
  get: describe(TAG, 'A clip', { ...answers(200, ClipView, 'The clip.'), errors: ERRORS }, 'none'),
  update: describe(
    TAG,
    'Change the title of a clip that one has made',
    { ...answers(200, ClipView, 'The clip.'), errors: [KERNEL_ERRORS.INVALID_CONFIG, ...ERRORS] },
    'session',
  ),
  delete: describe(
    TAG,
    'Delete a clip, as its maker or its channel',
    { ...answers(204, null, 'It is deleted.'), errors: ERRORS },
    'session',
  ),
} as const

/** Returns the API of clips. */
export function clipRoutes(context: LiveContext): Hono {
  const routes = new Hono()
  for (const method of ['PUT', 'PATCH']) {
    routes.on(method, '/clips/:id', DOCS.update, requireJson, parse('json', UpdateClipBody), async (c) =>
      c.json(await updateClip(context, await requireSession(context, c), c.req.param('id'), c.req.valid('json'))),
    )
  }
  return routes
    .post('/streams/:id/clips', DOCS.ofStream, requireJson, parse('json', StreamClipBody), async (c) => {
      const maker = await requireSession(context, c)
      const id = c.req.param('id')
      const call = await readIdempotentCall(c, `POST /api/v1/streams/${id}/clips ${maker.user.userId}`)
      return c.json(await clipStream(context, maker, { id, call }, c.req.valid('json')), 201)
    })
    .post('/archives/:id/clips', DOCS.ofArchive, requireJson, parse('json', ArchiveClipBody), async (c) => {
      const maker = await requireSession(context, c)
      const id = c.req.param('id')
      const call = await readIdempotentCall(c, `POST /api/v1/archives/${id}/clips ${maker.user.userId}`)
      return c.json(await clipArchive(context, maker, { id, call }, c.req.valid('json')), 201)
    })
    .get('/clips', DOCS.list, parse('query', ClipListQuery), async (c) =>
      c.json(await listClips(context, await readSession(context, c), c.req.valid('query'))),
    )
    .get('/clips/:id', DOCS.get, async (c) =>
      c.json(await getClip(context, await readSession(context, c), c.req.param('id'))),
    )
    .delete('/clips/:id', DOCS.delete, async (c) => {
      await deleteClip(context, await requireSession(context, c), c.req.param('id'))
      return c.body(null, 204)
    })
}
