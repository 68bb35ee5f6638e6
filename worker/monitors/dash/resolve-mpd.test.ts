import type { IncomingMessage, ServerResponse } from 'node:http'

import { describe, expect, test } from 'vitest'

import type { StreamForm } from '../../../shared/net/stream-url.ts'
import { openStreamClient } from '../../testing/open-stream-client.ts'

const DASH = `<MPD type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" mediaPresentationDuration="PT1000H"><Period>
  <AdaptationSet mimeType="video/mp4"><SegmentTemplate media="$Number$.m4s" duration="2"/><Representation id="v"/></AdaptationSet>
  <AdaptationSet mimeType="audio/mp4"><SegmentTemplate media="$Number$.m4s" duration="2"/><Representation id="a"/></AdaptationSet>
  </Period></MPD>`

describe('a stream whose URL is that of an MPD', () => {
  const source = {
    renditions: [
      { url: 'http://origin/live.mpd', tracks: 'picture', representation: { id: 'v', tracks: 'picture' } },
      { url: 'http://origin/live.mpd', tracks: 'sound', representation: { id: 'a', tracks: 'sound' } },
    ],
    by: 'direct',
  }

  test('is live with a rendition of picture and one of sound', async () => {
    const live = DASH.replace(' mediaPresentationDuration="PT1000H"', '')
    expect(await resolveAt({ '/live.mpd': live }, '/live.mpd')).toMatchObject({ kind: 'live', source })
  })

  test('has ended where it is static, or its duration has passed', async () => {
    const ended = { kind: 'ended', reason: 'endlist_detected', source }
    expect(await resolveAt({ '/live.mpd': DASH }, '/live.mpd')).toMatchObject(ended)
    const archive = DASH.replace('dynamic', 'static')
    expect(await resolveAt({ '/live.mpd': archive }, '/live.mpd')).toMatchObject(ended)
  })
})

/** Resolves a URL of a server with these answers, where no resolver is installed. */
async function resolveAt(
  answers: Readonly<Record<string, string | Buffer>>,
  path: string,
  form: StreamForm = 'manifest',
) {
  const answer = async ({ url = '' }: IncomingMessage, response: ServerResponse) => {
    response.writeHead(url in answers ? 200 : 404).end(answers[url])
  }
  const { client, origin } = await openStreamClient(answer, path, form)
  const resolution = await client.resolve(new AbortController().signal)
  return JSON.parse(JSON.stringify(resolution).replaceAll(origin, 'http://origin'))
}

const LIVE = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts\n'

test('an unclear URL is a stream if its answer is a playlist or an MPD, and else a page', async () => {
  const utf16 = Buffer.from(`\uFEFF${LIVE}`, 'utf16le')
  const answers = { '/hls.php?x=1': LIVE, '/wide.php': utf16, '/dash.php?x=1': DASH, '/page': '<html></html>' }
  const resolve = (path: string) => resolveAt(answers, path, 'unclear')
  expect(await resolve('/hls.php?x=1')).toMatchObject({ kind: 'live', source: { by: 'direct' } })
  expect(await resolve('/dash.php?x=1')).toMatchObject({ kind: 'ended', source: { by: 'direct' } })
  expect(await resolve('/wide.php')).toMatchObject({ kind: 'live', source: { by: 'direct' } })
  expect(await resolve('/page')).toMatchObject({ kind: 'blocked', cause: 'resolver_missing' })
  expect(await resolve('/gone')).toMatchObject({ kind: 'blocked', cause: 'resolver_missing' })
})
