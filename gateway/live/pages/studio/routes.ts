import { Hono, type Context as HonoContext } from 'hono'

import { listOpenStreams, listStreams } from '../../broadcasts/list-streams.ts'
import { readStorageUse } from '../../storage/quota.ts'
import { readTurn } from '../list-turn.tsx'
import { openSignedIn, type PagesContext } from '../visit.ts'
import { createBroadcast, showNewBroadcast } from './create.ts'
import { changeBroadcast, showBroadcast } from './change.ts'
import { showStudio } from './list-page.tsx'

const ENDED_SHOWN = 48

/** Returns the pages on which broadcasters create their broadcasts and follow them. */
export function studioRoutes(context: PagesContext): Hono {
  const idOf = (c: HonoContext) => c.req.param('id') ?? ''
  return new Hono()
    .get(
      '/studio',
      openSignedIn(context, async (visit) => {
        const { c, signedIn } = visit
        const turn = readTurn(c, ['ended'])
        const { userId: user } = signedIn.user
        const [open, ended, storage] = await Promise.all([
          turn === null ? listOpenStreams(context, signedIn) : [],
          listStreams(context, signedIn, { user, state: 'ended', limit: ENDED_SHOWN, cursor: turn?.cursor }),
          readStorageUse(context, context.db, user),
        ])
        return showStudio(visit, { open, ended, turn, storage })
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
