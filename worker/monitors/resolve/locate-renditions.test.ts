import type { IncomingMessage, ServerResponse } from 'node:http'

import { describe, expect, test } from 'vitest'

import { openStreamClient } from '../../testing/open-stream-client.ts'
import type { StreamResolution } from '../stream.ts'

const EMPTY = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n'
const LIVE = `${EMPTY}#EXT-X-MEDIA-SEQUENCE:3\n#EXTINF:2,\na.ts\n`
const ENDED = `${LIVE}#EXT-X-ENDLIST\n`

/** Returns the lines of a variant of this height, whose playlist is named by it. */
const variant = (lines: number, more = '') => `#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=2x${lines}${more}\nv${lines}\n`
const sound = (name: string) => `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="${name}",URI="${name}"\n`
const WITH_SOUND = ',CODECS="avc1.42c00d,mp4a.40.2",AUDIO="a"'
const TWO = variant(90) + variant(180)

/** Resolves a master playlist of these lines, whose playlists are served by name; others are missing. */
async function resolve(master: string, playlists: Readonly<Record<string, string | number>>) {
  const requested: string[] = []
  const serve = async ({ url = '' }: IncomingMessage, response: ServerResponse) => {
    const name = url.slice(1)
    if (name === 'master') return void response.end(`#EXTM3U\n${master}`)
    requested.push(name)
    const answer = playlists[name] ?? 404
    if (typeof answer === 'number') response.writeHead(answer).end()
    else response.end(answer)
  }
  const { client } = await openStreamClient(serve, '/master')
  return { ...describeAnswer(await client.resolve(new AbortController().signal)), requested }
}

function describeAnswer(answer: StreamResolution) {
  const source = 'source' in answer ? answer.source : null
  const watched = (source?.renditions ?? []).map(({ url }) => new URL(url).pathname.slice(1)).join('+')
  return { kind: answer.kind, watched, problem: source?.problem }
}

describe('another rendition is watched from the start, with the reason, where the playlist of the best one', () => {
  test.each([
    ['is missing', TWO, { v180: LIVE }, 'v180', 'cannot be fetched, another one is watched: HTTP 404'],
    ['has ended', TWO, { v90: ENDED, v180: LIVE }, 'v180', 'has ended, another one is watched'],
    ['is empty', TWO, { v90: EMPTY, v180: LIVE }, 'v180', 'has no segment, another one is watched'],
    [
      'is missing as are those of the next five',
      [1, 2, 3, 4, 5, 6, 7].map((lines) => variant(lines)).join(''),
      { v7: LIVE },
      'v7',
      'HTTP 404',
    ],
    [
      'is missing, of many languages',
      [1, 2, 3, 4, 5, 6, 7, 8].map((index) => sound(`a${index}`)).join('') +
        variant(90, WITH_SOUND) +
        variant(180, WITH_SOUND),
      { v180: LIVE, a1: LIVE },
      'v180+a1',
      'HTTP 404',
    ],
    [
      'of its first sound is missing',
      sound('a1') + sound('a2') + variant(90, WITH_SOUND) + variant(180, WITH_SOUND),
      { v90: LIVE, v180: LIVE, a2: LIVE },
      'v90+a2',
      'HTTP 404',
    ],
    [
      'is missing and only the others lack a sound',
      variant(90, ',CODECS="avc1.42c00d,mp4a.40.2"') + variant(180, ',CODECS="avc1.42c00d"'),
      { v180: LIVE },
      'v180',
      'HTTP 404',
    ],
  ])('%s', async (...[, master, playlists, watched, problem]) => {
    expect(await resolve(master, playlists)).toMatchObject({
      kind: 'live',
      watched,
      problem: expect.stringContaining(problem),
    })
  })
})

describe('a picture whose sound cannot be watched', () => {
  const master = sound('a1') + variant(90, WITH_SOUND) + variant(180, WITH_SOUND)

  test.each([
    ['is missing', 404],
    ['has ended', ENDED],
    ['is empty', EMPTY],
  ])('is watched at its best, as the sound %s', async (_, a1) => {
    const answer = await resolve(master, { v90: LIVE, v180: LIVE, a1 })
    expect(answer).toMatchObject({ kind: 'live', watched: 'v90+a1', problem: undefined })
  })

  test('is another one, where the best one is missing too', async () => {
    const answer = await resolve(master, { v180: LIVE })
    expect(answer).toMatchObject({ kind: 'live', watched: 'v180+a1', problem: expect.stringContaining('HTTP 404') })
    expect(answer.requested.toSorted()).toEqual(['a1', 'v180', 'v90'])
  })
})

describe('a stream of which no picture has a segment to come', () => {
  test('has ended where every playlist has, or is missing', async () => {
    expect(await resolve(TWO, { v90: ENDED, v180: ENDED })).toMatchObject({ kind: 'ended', watched: 'v90' })
    expect(await resolve(TWO, { v180: ENDED })).toMatchObject({ kind: 'ended', watched: 'v180' })
  })

  test('is upcoming where every playlist is empty or missing, or one is empty', async () => {
    expect(await resolve(TWO, { v90: EMPTY, v180: EMPTY })).toMatchObject({ kind: 'upcoming' })
    expect(await resolve(TWO, { v90: ENDED, v180: EMPTY })).toMatchObject({ kind: 'upcoming' })
    expect(await resolve(TWO, {})).toMatchObject({ kind: 'upcoming' })
  })
})
