import { expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { CONFIG, STARTED } from '../../testing/monitor-scenario.ts'
import type { StreamRendition } from '../stream.ts'
import { createCaptionPoller } from './caption-poller.ts'

test('the playlist of the captions is fetched with the variables of the master playlist, which it may import', async () => {
  const fetched: StreamRendition[] = []
  const never = new AbortController().signal
  const poller = createCaptionPoller(
    {
      monitor: { state: () => STARTED, observe: () => undefined },
      config: { ...CONFIG, track_threshold_sec: 10 },
      client: {
        resolve: () => Promise.reject(new Error('not called')),
        fetchSegment: () => Promise.reject(new Error('not called')),
        renewInit: () => Promise.reject(new Error('not called')),
        async fetchPlaylist(rendition) {
          fetched.push(rendition)
          return { kind: 'failed', failure: { status: 404, message: 'HTTP 404' } }
        },
      },
      clock: { nowMs: () => 0 },
      lifetime: { stopping: never, killed: never },
      log: createLog('worker', 'error', () => undefined),
    },
    () => undefined,
  )
  const variables = new Map([['token', 'abc']])
  const captionUrl = 'https://cdn.test/captions.m3u8'
  poller.watch([{ url: 'https://cdn.test/low.m3u8', tracks: 'both', captionUrl, variables }])
  poller.startDue()
  await poller.waitUntilIdle()
  expect(fetched).toEqual([{ url: captionUrl, tracks: 'both', variables }])
})
