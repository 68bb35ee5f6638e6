import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { MonitorReport } from '../../../shared/contract/monitors.ts'
import { startLocalServer } from '../../../shared/testing/local-server.ts'
import { runFfmpeg } from '../../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS, until } from '../../../shared/testing/until.ts'
import { startWorker } from '../../../shared/testing/worker-process.ts'
import { ACCEPTED, startFakeGateway, type GatewayCall } from '../../testing/fake-gateway.ts'
import { CONFIG } from '../../testing/monitor-scenario.ts'
import { monitorEnv } from '../../testing/worker-environments.ts'

/** Black and silent times of the broadcast, in seconds after its start. */
const BLACK = { fromSec: 1.3, toSec: 4.7 }
const SILENT = { fromSec: 2.6, toSec: 5.4 }
const BROADCAST_SEC = 7
const WATCH_CONFIG = { ...CONFIG, blackout_threshold_sec: 2, silence_threshold_sec: 2 }
const TOLERANCE_SEC = 0.25

/** Arguments of an encoder that publishes picture and sound as a live DASH stream. */
function buildArgs(addressing: readonly string[]): string[] {
  const black = `drawbox=c=black:t=fill:enable='gte(t,${BLACK.fromSec})*lt(t,${BLACK.toSec})'`
  const level = `(1-gte(t,${SILENT.fromSec})*lt(t,${SILENT.toSec}))`
  return [
    ['-nostdin', '-v', 'error', '-filter_threads', '1'],
    ['-re', '-f', 'lavfi', '-i', `testsrc2=s=160x90:r=20:d=${BROADCAST_SEC},${black}`],
    ['-re', '-f', 'lavfi', '-i', `aevalsrc='0.2*sin(2*PI*440*t)*${level}':s=48000:d=${BROADCAST_SEC}`],
    ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '20', '-sc_threshold', '0'],
    ['-c:a', 'aac', '-b:a', '64k', '-f', 'dash', '-seg_duration', '1', ...addressing, 'live.mpd'],
  ].flat()
}

/** Serves a folder to which an encoder publishes, and keeps the start of the presentation. */
async function startOrigin() {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-dash-'))
  const seen = { requests: 0, startMs: Number.NaN }
  const server = await startLocalServer(async ({ url = '' }, response) => {
    seen.requests++
    const bytes = await readFile(join(dir, url)).catch(() => null)
    const start = /availabilityStartTime="([^"]+)"/.exec(url.endsWith('.mpd') ? String(bytes) : '')?.[1]
    if (start !== undefined) seen.startMs = Date.parse(start)
    response.writeHead(bytes === null ? 404 : 200).end(bytes)
  })
  return {
    dir,
    seen,
    url: `${server.origin}/live.mpd`,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await rm(dir, { recursive: true })
    },
  }
}

function startGateway() {
  const policy = { allow_private_networks: true, allow_any_site: false }
  return startFakeGateway(({ path }) =>
    path.endsWith('/claim') ? { status: 200, body: { epoch: 1, resume: null, policy } } : ACCEPTED,
  )
}

function reportsOf(calls: readonly GatewayCall[]): readonly MonitorReport[] {
  const statuses = calls.filter(({ path }) => path.endsWith('/status'))
  return statuses.map(({ body }) => v.parse(MonitorReport, JSON.parse(body)))
}

describe.concurrent('a live DASH stream of a real encoder', () => {
  test.each([
    ['a timeline', ['-use_timeline', '1']],
    ['numbers and a duration', ['-use_timeline', '0', '-utc_timing_url', '/none']],
  ])('is watched to its end with %s, and each black and silent run is reported exactly', async (_, addressing) => {
    await using origin = await startOrigin()
    await using gateway = await startGateway()
    await using worker = startWorker(
      monitorEnv(gateway.origin, origin.url, {
        CONFIG_JSON: JSON.stringify(WATCH_CONFIG),
        WAITING_MODE_INITIAL_INTERVAL: '200ms',
      }),
    )
    await until(() => origin.seen.requests > 0, 'the worker waits for the stream')
    const encoded = runFfmpeg('ffmpeg', buildArgs(addressing), { timeoutMs: PATIENCE_MS, cwd: origin.dir })

    expect(await worker.exited).toEqual({ code: 0, signal: null })
    await encoded
    const reports = reportsOf(gateway.calls)
    const events = reports.flatMap((report) => report.events)
    const find = (type: string) => events.find((event) => event.event_type === type)
    expect(events.map((event) => event.event_type).toSorted()).toEqual([
      'alert.blackout',
      'alert.blackout_recovered',
      'alert.silence',
      'alert.silence_recovered',
      'stream.ended',
      'stream.started',
    ])
    for (const [type, truth] of [
      ['alert.blackout_recovered', BLACK],
      ['alert.silence_recovered', SILENT],
    ] as const) {
      const { started_at: start, recovered_at: end } = find(type)?.data ?? {}
      const secOf = (time: unknown) => (Date.parse(String(time)) - origin.seen.startMs) / 1000
      expect(Math.abs(secOf(start) - truth.fromSec)).toBeLessThan(TOLERANCE_SEC)
      expect(Math.abs(secOf(end) - truth.toSec)).toBeLessThan(TOLERANCE_SEC)
    }
    expect(find('stream.ended')?.data).toMatchObject({ reason: 'endlist_detected' })
    expect(reports.at(-1)?.statistics).toMatchObject({ segments_failed: 0, segments_skipped: 0 })
  })
})
