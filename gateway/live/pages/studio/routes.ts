import { Hono, type Context as HonoContext } from 'hono'

import { listStreams } from '../../broadcasts/list-streams.ts'
import { readStorageUse } from '../../storage/quota.ts'
import { openSignedIn, type PagesContext } from '../visit.ts'
import { createBroadcast, showNewBroadcast } from './create.ts'
import { changeBroadcast, showBroadcast } from './change.ts'
import { showStudio } from './list-page.tsx'

const SHOWN = 100

/** Returns the pages on which broadcasters create their broadcasts and follow them. */
export function studioRoutes(context: PagesContext): Hono {
  const idOf = (c: HonoContext) => c.req.param('id') ?? ''
  return new Hono()
    .get(
      '/studio',
      openSignedIn(context, async (visit) => {
        const { signedIn } = visit
        const own = { user: signedIn.user.userId, limit: SHOWN, cursor: undefined }
        const [{ streams }, storage] = await Promise.all([
          listStreams(context, signedIn, own),
          readStorageUse(context, context.db, signedIn.user.userId),
        ])
        return showStudio(visit, streams, storage)
      }),
    )
    .get(
      '/studio/new',
      openSignedIn(context, (visit) => showNewBroadcast(visit)),
    )
    .post('/studio/new', (c) => createBroadcast(context, c))
    .get(
      '/studio/:id',
      openSignedIn(context, (visit) => showBroadcast(visit, idOf(visit.c))),
    )
    .post('/studio/:id', (c) => changeBroadcast(context, c, idOf(c)))
}
