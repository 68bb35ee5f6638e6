import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type MonitorEvent, MonitorReport } from '../../shared/contract/monitors.ts'
import {
  ACCEPTED,
  startFakeGateway,
  type GatewayAnswer,
  type GatewayCall,
  type FakeGateway,
} from '../testing/fake-gateway.ts'
import { makeClip, type Clip } from '../../shared/testing/clips.ts'
import { REFUSALS, startBroadcastSite } from '../testing/broadcast-site.ts'
import { CONFIG } from '../testing/monitor-scenario.ts'
import { startBroadcastSimulator, type BroadcastSimulatorOptions } from '../../shared/testing/broadcast-simulator.ts'
import { startWorker, type WorkerProcess } from '../../shared/testing/worker-process.ts'
import { monitorEnv } from '../testing/worker-environments.ts'
import { makePausableFfmpeg } from '../testing/pausable-ffmpeg.ts'
import { until } from '../../shared/testing/until.ts'

/** Stretches of the clip, in seconds. */
const BLACK = { fromSec: 2.3, toSec: 7.1 }
const SILENT = { fromSec: 5.5, toSec: 9.2 }
const STILL = { fromSec: 10.3, toSec: 12.4 }
const CLIP_CONFIG = { ...CONFIG, blackout_threshold_sec: 3, silence_threshold_sec: 2.5 }
const TOLERANCE_SEC = 0.1
/** The segment, of 1 s, in which the black has lasted long enough for its alarm. */
const ALARM_SEGMENT = Math.floor(BLACK.fromSec + CLIP_CONFIG.blackout_threshold_sec)
/** For a stream that a test holds back: the worker does not take it for one that stands still. */
const PATIENT = { targetDurationSec: 60 }

let clip: Clip
beforeAll(async () => {
  const parts = [
    { sec: 2.3 },
    { sec: 3.2, video: 'black' },
    { sec: 1.6, video: 'black', audio: 'silent' },
    { sec: 2.1, audio: 'silent' },
    { sec: 1.1 },
    { sec: 2.1, video: 'still' },
    { sec: 0.6 },
  ] as const
  clip = await makeClip(parts, { segmentSec: 1, fps: 20, size: '160x90', container: 'ts' })
})
afterAll(() => clip[Symbol.asyncDispose]())

/** A gateway that hands each claim the resume state of the last report that it has acknowledged. */
function startGateway(): Promise<FakeGateway> {
  let epoch = 0
  let resume: unknown = null
  return startFakeGateway((call): GatewayAnswer => {
    if (!call.path.endsWith('/claim')) {
      resume = JSON.parse(call.body).resume
      return ACCEPTED
    }
    epoch++
    const policy = { allow_private_networks: true, allow_any_site: false }
    return { status: 200, body: { epoch, resume, policy } }
  })
}

/** A stream that goes on as fast as it is watched. */
function startStream(options: BroadcastSimulatorOptions = {}): ReturnType<typeof startBroadcastSimulator> {
  return startBroadcastSimulator(clip, { pace: 'viewer', leadSegments: 2, ...options })
}

function watch(gateway: FakeGateway, url: string, env: NodeJS.ProcessEnv = {}): WorkerProcess {
  return startWorker(monitorEnv(gateway.origin, url, { CONFIG_JSON: JSON.stringify(CLIP_CONFIG), ...env }))
}

function reportsOf(calls: readonly GatewayCall[]): readonly MonitorReport[] {
  return calls
    .filter(({ path }) => path.endsWith('/status'))
    .map(({ body }) => v.parse(MonitorReport, JSON.parse(body)))
}

function eventsOf(calls: readonly GatewayCall[]): readonly MonitorEvent[] {
  return reportsOf(calls).flatMap((report) => report.events)
}

const hasEvent = (type: string) => (calls: readonly GatewayCall[]) =>
  eventsOf(calls).some((event) => event.event_type === type)
const hasEnded = hasEvent('stream.ended')

const WHOLE_STORY = [
  'stream.started',
  'alert.blackout',
  'alert.blackout_recovered',
  'alert.silence',
  'alert.silence_recovered',
  'stream.ended',
]

function expectRun(event: MonitorEvent | undefined, truth: typeof BLACK, wallOf: (sec: number) => number): void {
  const { total_duration_sec: totalSec, started_at: start, recovered_at: end } = event?.data ?? {}
  expect(Math.abs(Number(totalSec) - (truth.toSec - truth.fromSec))).toBeLessThan(TOLERANCE_SEC)
  expect(Math.abs(Date.parse(String(start)) - wallOf(truth.fromSec)) / 1000).toBeLessThan(TOLERANCE_SEC)
  expect(Math.abs(Date.parse(String(end)) - wallOf(truth.toSec)) / 1000).toBeLessThan(TOLERANCE_SEC)
}

describe.concurrent('a worker of a monitor', () => {
  // These two take the longest: they wait until a stream has stood still for ten seconds.
  test('waits for a scheduled page, monitors it while it is live, and ends when the page says that it is over', async () => {
    await using gateway = await startGateway()
    await using stream = await startStream()
    stream.stall()
    await using site = await startBroadcastSite()
    const title = 'Evening news'
    site.set('news', { live_status: 'is_upcoming', title, release_timestamp: Math.floor(Date.now() / 1000) - 60 })
    await using worker = watch(gateway, site.url('news'), {
      YTDLP_PATH: site.ytdlpPath,
      WAITING_MODE_DELAYED_INTERVAL: '500ms',
      MANIFEST_REFRESH_INTERVAL: '1s',
      CONFIG_JSON: JSON.stringify({ ...CLIP_CONFIG, start_delay_tolerance_sec: 30 }),
    })
    await gateway.waitFor(hasEvent('stream.delayed'))
    site.set('news', { error: REFUSALS.botCheck })
    await gateway.waitFor(hasEvent('monitor.degraded'))
    site.set('news', { live_status: 'is_live', title, manifest_url: stream.masterUrl })
    await gateway.waitFor(hasEvent('stream.suspended'))
    site.set('news', { live_status: 'was_live', title })

    expect(await worker.exited).toEqual({ code: 0, signal: null })
    const events = eventsOf(gateway.calls)
    expect(events).toMatchObject([
      { event_type: 'stream.delayed', data: { tolerance_sec: 30 } },
      { event_type: 'monitor.degraded', data: { cause: 'bot_check' } },
      { event_type: 'monitor.restored' },
      { event_type: 'stream.started', data: { title: expect.stringContaining(title), source: 'yt-dlp' } },
      { event_type: 'stream.suspended' },
      { event_type: 'stream.ended', data: { reason: 'was_live' } },
    ])
    const statuses = reportsOf(gateway.calls).map((report) => report.stream_status)
    expect([...new Set(statuses)]).toEqual(['unknown', 'scheduled', 'live', 'ended'])
  })

  test('reports a stream without new segments as suspended, and as resumed when it has new ones', async () => {
    await using gateway = await startGateway()
    await using stream = await startStream()
    stream.stall()
    await using _worker = watch(gateway, stream.url)
    await gateway.waitFor(hasEvent('stream.suspended'))
    stream.advanceTo(3)
    const events = eventsOf(await gateway.waitFor(hasEvent('stream.resumed')))

    expect(events.map((event) => event.event_type)).toEqual(['stream.started', 'stream.suspended', 'stream.resumed'])
    expect(events[2]?.data['suspended_sec']).toBeGreaterThan(10)
  })

  test('reports each black and silent stretch once, with exact times, and in time', async () => {
    await using gateway = await startGateway()
    await using stream = await startStream()
    await using worker = watch(gateway, stream.masterUrl)
    const calls = await gateway.waitFor(hasEnded)

    expect(await worker.exited).toEqual({ code: 0, signal: null })
    const events = eventsOf(calls)
    expect(events.map((event) => event.event_type)).toEqual(WHOLE_STORY)
    expectRun(events[2], BLACK, stream.wallOf)
    expectRun(events[4], SILENT, stream.wallOf)
    // Published with the very segment, of 1 s, in which the threshold is reached. How late that is by the clock, which a
    // loaded machine decides, is shown by the bench.
    expect(events[1]?.data).toMatchObject({ segment_info: { sequence: ALARM_SEGMENT } })
    const last = reportsOf(gateway.calls).at(-1)
    expect(last).toMatchObject({ mode: 'completed', stream_status: 'ended' })
    expect(last?.statistics).toEqual({
      total_segments_analyzed: clip.segments.length,
      segments_failed: 0,
      segments_skipped: 0,
      blackout_events: 1,
      silence_events: 1,
      freeze_events: 0,
      track_missing_events: 0,
    })
  })

  test('reports what is black, silent and frozen in an encrypted stream with exact times', async () => {
    await using gateway = await startGateway()
    await using stream = await startStream({ isEncrypted: true })
    const config = { ...CLIP_CONFIG, freeze_threshold_sec: 1.5 }
    await using _worker = watch(gateway, stream.url, { CONFIG_JSON: JSON.stringify(config) })
    const events = eventsOf(await gateway.waitFor(hasEnded))

    const frozen = ['alert.freeze', 'alert.freeze_recovered', 'stream.ended']
    expect(events.map((event) => event.event_type)).toEqual([...WHOLE_STORY.slice(0, -1), ...frozen])
    expectRun(events[2], BLACK, stream.wallOf)
    expectRun(events[4], SILENT, stream.wallOf)
    expectRun(events[6], STILL, stream.wallOf)
  })

  test('continues after a kill: no event is reported twice, and totals are complete', async () => {
    await using gateway = await startGateway()
    await using stream = await startStream({ ...PATIENT, windowSegments: 12, leadSegments: ALARM_SEGMENT + 3 })
    stream.stall()
    await using first = watch(gateway, stream.url)
    await gateway.waitFor(hasEvent('alert.blackout'))
    first.kill('SIGKILL')
    await first.exited
    stream.resume()
    await using second = watch(gateway, stream.url)
    await gateway.waitFor(hasEnded)

    expect(await second.exited).toEqual({ code: 0, signal: null })
    const events = eventsOf(gateway.calls)
    expect(events.map((event) => event.event_type)).toEqual(WHOLE_STORY)
    expectRun(events[2], BLACK, stream.wallOf)
    expectRun(events[4], SILENT, stream.wallOf)
    const reports = reportsOf(gateway.calls)
    expect(reports.at(-1)?.statistics).toMatchObject({ total_segments_analyzed: clip.segments.length })
    expect(reports.find((report) => report.epoch === 2)).toMatchObject({ seq: 1, mode: 'monitoring' })
  })

  test('that starts again after the end of the stream analyzes the segments that are left', async () => {
    await using gateway = await startGateway()
    await using stream = await startStream({ ...PATIENT, windowSegments: 14, leadSegments: ALARM_SEGMENT + 3 })
    stream.stall()
    await using first = watch(gateway, stream.url)
    await gateway.waitFor(hasEvent('alert.blackout'))
    first.kill('SIGKILL')
    await first.exited
    stream.advanceTo(clip.segments.length)
    await using second = watch(gateway, stream.url)
    await gateway.waitFor(hasEnded)

    expect(await second.exited).toEqual({ code: 0, signal: null })
    expect(eventsOf(gateway.calls).map((event) => event.event_type)).toEqual(WHOLE_STORY)
  })

  test('needs no date-times and no media sequence', async () => {
    await using gateway = await startGateway()
    await using stream = await startStream({ programDateTime: false, mediaSequence: false })
    await using _worker = watch(gateway, stream.url)
    const events = eventsOf(await gateway.waitFor(hasEnded))

    expect(events.map((event) => event.event_type)).toEqual(WHOLE_STORY)
    expect(events[2]?.data['total_duration_sec']).toBeCloseTo(BLACK.toSec - BLACK.fromSec, 0)
  })

  test('analyzes an audio rendition together with the video', async () => {
    const shape = { segmentSec: 1, fps: 20, size: '160x90', container: 'ts', withVideo: false } as const
    await using sound = await makeClip([{ sec: 5.5 }, { sec: 3.7, audio: 'silent' }, { sec: 3.8 }], shape)
    await using gateway = await startGateway()
    await using stream = await startStream({ sound })
    await using _worker = watch(gateway, stream.masterUrl)
    const events = eventsOf(await gateway.waitFor(hasEnded))

    expect(events.map((event) => event.event_type).toSorted()).toEqual(WHOLE_STORY.toSorted())
  })

  test('finishes the running analysis on SIGTERM, and reports its result', async () => {
    await using ffmpeg = await makePausableFfmpeg()
    await using gateway = await startGateway()
    await using stream = await startStream({ ...PATIENT, leadSegments: ALARM_SEGMENT })
    stream.stall()
    await using worker = watch(gateway, stream.url, { FFMPEG_PATH: ffmpeg.path })
    const logged = (text: string) => worker.lines.filter((line) => line.includes(text)).length
    await until(() => logged('"segment analyzed"') === ALARM_SEGMENT, 'every published segment is analyzed')
    await ffmpeg.pause()
    stream.advanceTo(ALARM_SEGMENT + 1)
    await until(ffmpeg.isPaused, 'the analysis of the alarm segment begins')
    worker.kill('SIGTERM')
    await until(() => logged('"SIGTERM"') > 0, 'the worker has received the signal')
    await ffmpeg.resume()

    expect(await worker.exited).toEqual({ code: 0, signal: null })
    expect(eventsOf(gateway.calls).map((event) => event.event_type)).toEqual(['stream.started', 'alert.blackout'])
    expect(reportsOf(gateway.calls).at(-1)).toMatchObject({ mode: 'monitoring' })
  })

  test('that was frozen continues with the segments that the playlist still lists, and counts those it missed as skipped', async () => {
    await using gateway = await startGateway()
    await using stream = await startStream({ ...PATIENT, windowSegments: 3 })
    stream.stall()
    await using worker = watch(gateway, stream.url)
    await gateway.waitFor(hasEvent('stream.started'))
    worker.kill('SIGSTOP')
    stream.advanceTo(9)
    stream.resume()
    worker.kill('SIGCONT')
    await gateway.waitFor(hasEnded)

    const { total_segments_analyzed: analyzed = 0, segments_skipped: skipped = 0 } =
      reportsOf(gateway.calls).at(-1)?.statistics ?? {}
    expect(skipped).toBeGreaterThan(0)
    expect(analyzed + skipped).toBe(clip.segments.length)
  })

  test('counts a segment that cannot be fetched as failed, and analyzes the next ones', async () => {
    await using gateway = await startGateway()
    await using stream = await startStream({ windowSegments: 12 })
    stream.fault({ segment: 4 }, 500)
    await using _worker = watch(gateway, stream.url)
    await gateway.waitFor(hasEnded)

    const last = reportsOf(gateway.calls).at(-1)
    expect(last?.statistics.segments_failed).toBe(1)
    expect(last?.statistics.total_segments_analyzed).toBe(clip.segments.length - 1)
  })
})
