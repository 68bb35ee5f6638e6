import { Hono } from 'hono'

import { allowAnyOrigin, answerFile } from '../../media/routes.ts'
import { LIVE_PATH } from './addresses.ts'
import { answerPart, parsePartPath } from './answer-part.ts'
import { answerMaster, answerMedia } from './answer-playlist.ts'
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
    .get(`${LIVE_PATH}/:id/master.m3u8`, (c) => answerMaster(playback, c))
    .get(`${LIVE_PATH}/:id/:rung{\\d+\\.m3u8}`, (c) => answerMedia(playback, c))
    .get(`${LIVE_PATH}/:id/*`, async (c) => {
      allowAnyOrigin(c)
      const part = parsePartPath(c.req.path)
      if (part !== null) return answerPart(playback, c, part)
      const names = c.req.path.slice(1).split('/')
      const file = names.every((name) => FILE_NAME.test(name)) ? ((await playback.files?.open(names)) ?? null) : null
      if (file === null) throw notPlayable('there is no such file')
      return answerFile(c, names.at(-1) ?? '', file)
    })
}
