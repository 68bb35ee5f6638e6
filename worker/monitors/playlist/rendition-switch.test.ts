import type { IncomingMessage, ServerResponse } from 'node:http'

import { expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { createLifetime } from '../../platform/lifetime.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { CONFIG, STARTED } from '../../testing/monitor-scenario.ts'
import { openStreamClient } from '../../testing/open-stream-client.ts'
import type { RenditionChoice, StreamSource } from '../stream.ts'
import { INITIAL_POLL_RESULT } from './poll-rendition.ts'
import { createRenditionSwitch } from './rendition-switch.ts'

const MPD = `<MPD type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" timeShiftBufferDepth="PT10S"><BaseURL>one/</BaseURL><BaseURL>two/</BaseURL><Period>
  <AdaptationSet mimeType="video/mp4" codecs="avc1.42c01e"><SegmentTemplate media="$Number$.m4s" duration="2"/>
  <Representation id="v"/></AdaptationSet></Period></MPD>`

/** Transport stream packets that hold nothing. */
const packets = () => Buffer.concat(Array.from({ length: 5 }, () => Buffer.from('471fff10'.padEnd(376, 'f'), 'hex')))

/**
 * Starts a monitor's switch on an MPD of two base URLs. `broken` holds those whose segments are missing, `pages` those that
 * answer them with a text.
 */
async function startSwitch(broken: Set<string>, pages = new Set<string>()) {
  const answer = async ({ url = '' }: IncomingMessage, response: ServerResponse) => {
    const [, folder = ''] = url.split('/')
    if (url === '/live.mpd') response.end(MPD)
    else if (broken.has(folder)) response.writeHead(404).end()
    else response.end(pages.has(folder) ? 'Not here yet' : packets())
  }
  const lifetime = createLifetime(10 * PATIENCE_MS)
  const { client } = await openStreamClient(answer, '/live.mpd')
  const resolved = await client.resolve(lifetime.stopping)
  if (resolved.kind !== 'live') throw new Error(`the stream is ${resolved.kind}`)
  const clock = { nowMs: 1_000_000 }
  const monitor = { state: STARTED }
  const found: { readonly choice: RenditionChoice; readonly problem: string | null }[] = []
  const context = {
    monitor: { state: () => monitor.state, observe: () => undefined },
    config: CONFIG,
    client,
    clock: { nowMs: () => clock.nowMs },
    lifetime,
    log: createLog('worker', 'error', () => undefined),
  }
  const renditionSwitch = createRenditionSwitch(context, (choice, problem) => found.push({ choice, problem }))
  return { source: resolved.source, renditionSwitch, clock, found, monitor }
}

/** Returns the pollers of a source; `failedMs`: for how long a segment has been missing. */
function pollersOf({ renditions }: StreamSource, nowMs: number, failedMs: number | null) {
  const retry =
    failedMs === null
      ? null
      : {
          key: '#1',
          path: '',
          attempts: 9,
          sinceMs: nowMs - failedMs,
          error: 'HTTP 404',
          notBeforeMs: 0,
          failing: 'segment' as const,
          cursor: { seen: [], first: 0 },
        }
  return renditions.map((rendition) => ({
    rendition,
    probe: {} as never,
    confirm: async () => true,
    last: { ...INITIAL_POLL_RESULT, retry },
  }))
}

test('segments that are missing at the first BaseURL are fetched from the second, until they are back', async () => {
  const broken = new Set(['one'])
  const { source, renditionSwitch, clock, found } = await startSwitch(broken)
  renditionSwitch.consider(source, pollersOf(source, clock.nowMs, 9000))
  await renditionSwitch.waitUntilIdle()
  expect(found).toEqual([])

  renditionSwitch.consider(source, pollersOf(source, clock.nowMs, 10_000))
  await renditionSwitch.waitUntilIdle()
  const problem = 'another BaseURL is used instead of the first, as its segments cannot be fetched: HTTP 404'
  expect(found).toMatchObject([{ choice: [{ representation: { id: 'v', server: 1 } }], problem }])

  const moved = { ...source, renditions: found[0]?.choice ?? [] }
  const lookBack = async () => {
    clock.nowMs = renditionSwitch.dueMs(moved, [])
    renditionSwitch.consider(moved, pollersOf(moved, clock.nowMs, null))
    await renditionSwitch.waitUntilIdle()
  }
  renditionSwitch.dueMs(moved, [])
  await lookBack()
  expect(found).toHaveLength(1)
  broken.delete('one')
  await lookBack()
  expect(found.slice(1)).toMatchObject([{ choice: [{ representation: { id: 'v' } }], problem: null }])
})

test('segments that are announced as missing are fetched from the second BaseURL, unless it is a single one', async () => {
  const { source, renditionSwitch, clock, found } = await startSwitch(new Set())
  const considerGaps = async (count: number) => {
    const gaps = { sinceMs: clock.nowMs - 10_000, count }
    const pollers = pollersOf(source, clock.nowMs, null).map((poller) => ({
      ...poller,
      last: { ...poller.last, gaps },
    }))
    renditionSwitch.consider(source, pollers)
    await renditionSwitch.waitUntilIdle()
  }
  await considerGaps(1)
  expect(found).toEqual([])
  await considerGaps(2)
  expect(found).toMatchObject([{ problem: expect.stringContaining('announced as missing (EXT-X-GAP)') }])
})

/** Returns a monitor whose segments have failed, each for a short time, since `sinceMs`. */
function withOutage(sinceMs: number, lastMs: number) {
  const outage = { kind: 'new', failing: 'segment', sides: 'both', sinceMs, lastMs, error: 'HTTP 404' } as const
  return { ...STARTED, outages: (['both', 'picture', 'sound'] as const).map((sides) => ({ ...outage, sides })) }
}

test('segments of which each fails for a short time are fetched from the second BaseURL', async () => {
  const { source, renditionSwitch, clock, found, monitor } = await startSwitch(new Set(['one']))
  const beganMs = clock.nowMs
  const considerAt = async (sec: number, lastSec: number) => {
    clock.nowMs = beganMs + sec * 1000
    monitor.state = withOutage(beganMs, beganMs + lastSec * 1000)
    renditionSwitch.consider(source, pollersOf(source, clock.nowMs, 1000))
    await renditionSwitch.waitUntilIdle()
  }
  // One that failed says nothing about those after it.
  await considerAt(15, 1)
  expect(found).toEqual([])
  await considerAt(15, 10)
  expect(found).toMatchObject([{ problem: expect.stringContaining('its segments cannot be fetched: HTTP 404') }])
  // The outage is not that of the renditions that are watched since.
  monitor.state = withOutage(beganMs, beganMs + 16_000)
  clock.nowMs += 12_000
  const moved = { ...source, renditions: found[0]?.choice ?? [] }
  renditionSwitch.consider(moved, pollersOf(moved, clock.nowMs, null))
  await renditionSwitch.waitUntilIdle()
  expect(found).toHaveLength(1)
})

test('a BaseURL that answers its segments with a text is no way out', async () => {
  const { source, renditionSwitch, clock, found } = await startSwitch(new Set(['one']), new Set(['two']))
  renditionSwitch.consider(source, pollersOf(source, clock.nowMs, 20_000))
  await renditionSwitch.waitUntilIdle()
  expect(found).toEqual([])
})

test('a playlist whose server refuses calls for minutes is given up as early as any other', async () => {
  const { source, renditionSwitch, clock, found } = await startSwitch(new Set())
  const pollers = pollersOf(source, clock.nowMs, null).map((poller) => ({
    ...poller,
    last: { ...poller.last, failures: 1, failedFromMs: clock.nowMs, error: 'HTTP 503', dueMs: clock.nowMs + 120_000 },
  }))
  renditionSwitch.consider(source, pollers)
  await renditionSwitch.waitUntilIdle()
  expect(found).toEqual([])
  const dueMs = renditionSwitch.dueMs(source, pollers)
  expect(dueMs).toBe(clock.nowMs + 10_000)
  clock.nowMs = dueMs
  renditionSwitch.consider(source, pollers)
  await renditionSwitch.waitUntilIdle()
  expect(found).toMatchObject([{ problem: expect.stringContaining('its playlist cannot be fetched: HTTP 503') }])
  expect(renditionSwitch.dueMs(source, pollers)).toBeGreaterThan(clock.nowMs)
})

test('nothing is used where no BaseURL has the segments', async () => {
  const { source, renditionSwitch, clock, found } = await startSwitch(new Set(['one', 'two']))
  renditionSwitch.consider(source, pollersOf(source, clock.nowMs, 20_000))
  await renditionSwitch.waitUntilIdle()
  expect(found).toEqual([])
})
