import { Hono, type Context as HonoContext } from 'hono'

import { allowAnyOrigin, answerFile, forAnyOrigin } from '../../media/routes.ts'
import { LIVE_PATH } from './addresses.ts'
import { answerPart, parsePartPath } from './answer-part.ts'
import { answerMaster, answerRendition } from './answer-playlist.ts'
import { notPlayable, type Playback } from './playback.ts'

/** A name of a file or a folder of a broadcast: none is hidden, and none leads upwards. */
const FILE_NAME = /^[\w-][\w.-]*$/

/** Returns the routes of playlists, parts, segments and pictures of broadcasts. They need no header. */
export function playbackRoutes(playback: Playback): Hono {
  return new Hono()
    .options(`${LIVE_PATH}/*`, (c) => {
      allowAnyOrigin(c)
      c.header('Access-Control-Allow-Methods', 'GET, HEAD')
      c.header('Access-Control-Allow-Headers', 'Range, If-None-Match')
      return c.body(null, 204)
    })
    .get(
      `${LIVE_PATH}/:id/master.m3u8`,
      forAnyOrigin((c) => answerMaster(playback, c)),
    )
    .get(
      `${LIVE_PATH}/:id/:rung{\\d+\\.m3u8}`,
      forAnyOrigin((c) => answerRendition(playback, c)),
    )
    .get(
      `${LIVE_PATH}/:id/*`,
      forAnyOrigin((c) => answerStored(playback, c)),
    )
}

/** Answers with a part, or with a file of the store. */
async function answerStored(playback: Playback, c: HonoContext): Promise<Response> {
  const part = parsePartPath(c.req.path)
  if (part !== null) return answerPart(playback, c, part)
  const names = c.req.path.slice(1).split('/')
  const file = names.every((name) => FILE_NAME.test(name)) ? ((await playback.files?.open(names)) ?? null) : null
  if (file === null) throw notPlayable('there is no such file')
  return answerFile(c, names.at(-1) ?? '', file)
}
