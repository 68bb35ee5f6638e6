/** Each segment of a broadcast is counted once: analyzed, failed or skipped, whatever happens to the worker in between. */

import * as fc from 'fast-check'
import * as v from 'valibot'
import { expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { CONFIG, live, START_MS } from '../../testing/monitor-scenario.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { afterObservation } from '../state/after-observation.ts'
import { INITIAL_STATE, MonitorState } from '../state/monitor-state.ts'
import type { StreamPlaylist, StreamRendition } from '../stream.ts'
import { parsePlaylist } from './parse-playlist.ts'
import { INITIAL_POLL_RESULT, type PollResult, pollRendition } from './poll-rendition.ts'

const never = new AbortController().signal
const RENDITION: StreamRendition = { url: 'http://cdn.test/live.m3u8', tracks: 'both' }
const TARGET_SEC = 2

/** What happens to a broadcast and its worker. `gap`: segments leave the window before the worker has seen them. */
type Happening =
  | { readonly kind: 'segments' | 'gap' | 'failing' | 'encrypted' | 'missing'; readonly count: number }
  | { readonly kind: 'report' | 'restart'; readonly count?: undefined }

/** A monitor of a broadcast whose worker can die: what it has not reported is lost with it. */
function startBroadcast(hasTimes: boolean) {
  const tags = new Map<number, string>()
  let newest = -1
  let first = 0
  let state: MonitorState = INITIAL_STATE
  let reported: MonitorState = state
  let last: PollResult = INITIAL_POLL_RESULT
  let nowMs = START_MS
  const observe: MonitorContext['monitor']['observe'] = (observation) => {
    state = afterObservation(state, observation, CONFIG).state
  }
  const context: MonitorContext = {
    monitor: { state: () => state, observe },
    config: CONFIG,
    client: {
      resolve: () => Promise.reject(new Error('not called')),
      fetchPlaylist: async () => ({ kind: 'ok', playlist: listWindow(), bytes: 1000 }),
      fetchSegment: async ({ url }) =>
        url.includes('failing')
          ? { kind: 'failed', failure: { status: 404, message: 'HTTP 404' } }
          : { kind: 'ok', bytes: Buffer.from(url), isTruncated: false, map: null },
      renewInit: async () => null,
    },
    clock: { nowMs: () => nowMs },
    lifetime: { stopping: never, killed: never },
    log: createLog('test', 'error', () => {}),
  }
  const probe = {
    analyze: async () => ({
      kind: 'analyzed' as const,
      durationSec: TARGET_SEC,
      pictures: 1,
      findings: { picture: { kind: 'present' as const, spans: {} }, sound: { kind: 'present' as const, spans: {} } },
    }),
    [Symbol.asyncDispose]: async () => {},
  }
  observe(live(START_MS))

  function listWindow(): StreamPlaylist {
    const lines = Array.from({ length: newest - first + 1 }, (_, index) => {
      const sequence = first + index
      const time = new Date(START_MS + sequence * TARGET_SEC * 1000).toISOString()
      const tag = tags.get(sequence) ?? ''
      const key = tag === 'encrypted' ? '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://a"\n' : '#EXT-X-KEY:METHOD=NONE\n'
      const gap = tag === 'missing' ? '#EXT-X-GAP\n' : ''
      const date = hasTimes ? `#EXT-X-PROGRAM-DATE-TIME:${time}\n` : ''
      return `${key}${gap}${date}#EXTINF:${TARGET_SEC},\n${tag}${sequence}.ts`
    })
    const head = `#EXTM3U\n#EXT-X-TARGETDURATION:${TARGET_SEC}\n#EXT-X-MEDIA-SEQUENCE:${first}\n`
    const parsed = parsePlaylist(head + lines.join('\n'), { url: RENDITION.url })
    if (parsed.kind !== 'media') throw new Error(parsed.kind)
    return parsed.playlist
  }

  function publish(count: number, kind: string): void {
    for (let made = 0; made < count; made++) {
      newest += 1
      tags.set(newest, kind === 'segments' || kind === 'gap' ? '' : kind)
    }
    nowMs += count * TARGET_SEC * 1000
    first = Math.max(first, newest - 5)
  }

  async function poll(): Promise<void> {
    nowMs += 1000
    last = await pollRendition({ rendition: RENDITION, probe, confirm: async () => true, last }, context)
  }

  return {
    async happen(happening: Happening): Promise<void> {
      if (happening.kind === 'report') {
        reported = v.parse(MonitorState, JSON.parse(JSON.stringify(state)))
      } else if (happening.kind === 'restart') {
        state = reported
        last = INITIAL_POLL_RESULT
        if (state.phase.kind === 'initializing') observe(live(nowMs))
        await poll()
      } else if (happening.count !== undefined) {
        publish(happening.count, happening.kind)
        if (happening.kind === 'gap') first = newest
        await poll()
      }
    },
    /** Publishes whole segments until nothing is waited for. */
    async settle(): Promise<void> {
      for (let count = 0; count < 12; count++) {
        publish(1, 'segments')
        nowMs += 30_000
        await poll()
        await poll()
      }
    },
    broadcast: () => newest + 1,
    counted() {
      const { total_segments_analyzed: analyzed, segments_failed, segments_skipped } = state.statistics
      return analyzed + segments_failed + segments_skipped
    },
    statistics: () => state.statistics,
  }
}

test('a gap is counted once, though the worker restarts twice before its next report', async () => {
  const stream = startBroadcast(true)
  await stream.happen({ kind: 'segments', count: 3 })
  await stream.happen({ kind: 'report' })
  await stream.happen({ kind: 'gap', count: 20 })
  await stream.happen({ kind: 'restart' })
  await stream.happen({ kind: 'restart' })
  await stream.happen({ kind: 'report' })
  await stream.happen({ kind: 'restart' })
  expect(stream.counted()).toBe(stream.broadcast())
  expect(stream.statistics()).toMatchObject({ total_segments_analyzed: 4, segments_skipped: 19 })
})

test('a gap that a report has counted is not counted again where nothing after it was analyzed', async () => {
  const stream = startBroadcast(false)
  await stream.happen({ kind: 'segments', count: 3 })
  await stream.happen({ kind: 'gap', count: 20 })
  await stream.happen({ kind: 'report' })
  await stream.happen({ kind: 'failing', count: 1 })
  for (let restarts = 0; restarts < 3; restarts++) {
    await stream.happen({ kind: 'report' })
    await stream.happen({ kind: 'restart' })
  }
  await stream.settle()
  expect(stream.counted()).toBe(stream.broadcast())
})

test('analyzed, failed and skipped segments are those that were broadcast, in any order of faults', async () => {
  const count = fc.integer({ min: 1, max: 12 })
  const happening = fc.oneof(
    fc.record({ kind: fc.constantFrom('segments', 'gap', 'failing', 'encrypted', 'missing'), count }),
    fc.record({ kind: fc.constantFrom('report', 'restart') }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 25 }), fc.boolean(), async (happenings, hasTimes) => {
      const stream = startBroadcast(hasTimes)
      // It joins at the beginning, and says so.
      await stream.happen({ kind: 'segments', count: 2 })
      await stream.happen({ kind: 'report' })
      for (const each of happenings) await stream.happen(each)
      await stream.settle()
      expect(stream.counted()).toBe(stream.broadcast())
    }),
    { numRuns: 50 },
  )
})
