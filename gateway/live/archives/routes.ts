import { Hono } from 'hono'

import { KERNEL_ERRORS } from '../../errors.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { answers, describe } from '../../http/openapi.ts'
import { readSession, requireSession } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { formatChapters } from '../rules/chapters.ts'
import { ArchiveDetails, ArchiveList, ArchiveView } from './present.ts'
import { deleteArchive, getArchive, listArchives, updateArchive } from './read-archives.ts'
import { ArchiveListQuery, UpdateArchiveBody } from './requests.ts'

const TAG = 'Recordings'
const ERRORS = [LIVE_ERRORS.ARCHIVE_NOT_FOUND]

const DOCS = {
  list: describe(
    TAG,
    'Public recordings and the own ones, newest first',
    { ...answers(200, ArchiveList, 'A page of them.'), errors: [KERNEL_ERRORS.INVALID_CONFIG] },
    'none',
  ),
  get: describe(
    TAG,
    'A recording with its chapters',
    { ...answers(200, ArchiveDetails, 'The recording.'), errors: ERRORS },
    'none',
  ),
  chapters: describe(
    TAG,
    'The chapters of a recording as WebVTT',
    { ...answers(200, null, 'The chapters, for a player.'), errors: ERRORS },
    'none',
  ),
  update: describe(
    TAG,
    'Change the own recording',
    {
      ...answers(200, ArchiveView, 'The recording.'),
      errors: [KERNEL_ERRORS.INVALID_CONFIG, ...ERRORS, LIVE_ERRORS.TAKEN_DOWN],
    },
    'session',
  ),
  delete: describe(
    TAG,
    'Delete the own recording',
    { ...answers(204, null, 'It is deleted.'), errors: ERRORS },
    'session',
  ),
} as const

/** Returns the API of recordings. */
export function archiveRoutes(context: LiveContext): Hono {
  const routes = new Hono()
  for (const method of ['PUT', 'PATCH']) {
    routes.on(method, '/archives/:id', DOCS.update, requireJson, parse('json', UpdateArchiveBody), async (c) =>
      c.json(await updateArchive(context, await requireSession(context, c), c.req.param('id'), c.req.valid('json'))),
    )
  }
  return routes
    .get('/archives', DOCS.list, parse('query', ArchiveListQuery), async (c) =>
      c.json(await listArchives(context, await readSession(context, c), c.req.valid('query'))),
    )
    .get('/archives/:id', DOCS.get, async (c) =>
      c.json(await getArchive(context, await readSession(context, c), c.req.param('id'))),
    )
    .get('/archives/:id/chapters.vtt', DOCS.chapters, async (c) => {
      const { chapters, duration } = await getArchive(context, await readSession(context, c), c.req.param('id'))
      c.header('Content-Type', 'text/vtt; charset=utf-8')
      c.header('Cache-Control', 'no-cache')
      return c.body(formatChapters(chapters, duration ?? 0))
    })
    .delete('/archives/:id', DOCS.delete, async (c) => {
      await deleteArchive(context, await requireSession(context, c), c.req.param('id'))
      return c.body(null, 204)
    })
}
