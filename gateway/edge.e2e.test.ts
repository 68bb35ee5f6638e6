import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { makeClip, type Clip } from '../shared/testing/clips.ts'
import { startBroadcastSimulator } from '../shared/testing/broadcast-simulator.ts'
import { PATIENCE_MS } from '../shared/testing/until.ts'
import { findFreePort } from './adapters/http/free-port.ts'
import { bundleWorker } from './adapters/process/worker-bundle.ts'
import { EDGE_ENTRY, buildEdgeBindings } from './testing/edge/edge-gateway.ts'
import { startFakeKubernetes } from './testing/fake-kubernetes/index.ts'
import { checkInvariants } from './testing/invariants/check-invariants.ts'
import { startReceiver } from './testing/receiver.ts'
import { createTestDatabase } from './testing/test-database.ts'
import { createApiCalls, TEST_KEYS } from './testing/test-gateway.ts'
import { startWorkerd } from './testing/edge/workerd.ts'
import { spawnWrangler } from './testing/edge/wrangler.ts'

let clip: Clip
let folder: string
let entry: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tallylight-edge-'))
  const parts = [{ sec: 3 }, { sec: 5, video: 'black' as const }, { sec: 6 }]
  const made = makeClip(parts, { segmentSec: 2, fps: 25, size: '320x180', container: 'ts' })
  ;[clip, entry] = await Promise.all([made, bundleWorker(folder)])
})
afterAll(async () => {
  await clip[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('a gateway in workerd monitors a broadcast by a Pod and delivers every event, though that Pod is lost', async () => {
  await using database = await createTestDatabase()
  await using cluster = await startFakeKubernetes({ runPods: { entry }, restrictedPods: true })
  await using simulator = await startBroadcastSimulator(clip, {
    pace: 'viewer',
    windowSegments: clip.segments.length,
    targetDurationSec: PATIENCE_MS / 1000,
  })
  simulator.stall()
  await using receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
  const lines: string[] = []
  const port = await findFreePort(null)
  const bindings = { ...buildEdgeBindings(database, cluster), GATEWAY_URL: `http://127.0.0.1:${port}` }
  await using workerd = await startWorkerd({ entry: EDGE_ENTRY, bindings, port, onLine: (line) => lines.push(line) })
  const { api } = createApiCalls(workerd.url)

  const made = await api('POST', '/api/v1/monitors', {
    stream_url: simulator.url,
    callback_url: receiver.url,
    config: { check_interval_sec: 1, blackout_threshold_sec: 2 },
  })
  const id: string = made.json.monitor_id
  await receiver.waitFor(({ payload }) => payload.event_type === 'alert.blackout')
  cluster.faults.deletePod(`stream-monitor-${id}`)
  await expect.poll(() => cluster.pods()).toEqual([])
  await workerd.triggerCron()
  simulator.resume()
  await receiver.waitFor(({ payload }) => payload.event_type === 'stream.ended')

  const events = new Map(receiver.deliveries.map(({ payload }) => [payload.event_id, payload.event_type]))
  const expected = ['stream.started', 'alert.blackout', 'alert.blackout_recovered', 'stream.ended']
  expect([...events.values()]).toEqual(expected)
  expect(receiver.deliveries.every(({ verdict }) => verdict === 'valid')).toBe(true)
  expect((await api('GET', `/api/v1/monitors/${id}`)).json).toMatchObject({ status: 'completed' })
  await expect.poll(() => cluster.pods()[0]?.status.phase).toBe('Succeeded')
  await workerd.triggerCron()
  await expect.poll(() => cluster.pods()).toEqual([])
  expect(lines).toEqual([])
  await checkInvariants(database.sql, { realWorkers: true })
})

/** The platform's limit is 3 MiB. A sudden increase means that code of another runtime was bundled. */
const MAX_GZIP_BYTES = 500_000

test('the bundle that wrangler deploys runs in workerd and is small', async () => {
  const args = ['deploy', '--dry-run', '--outdir', join(folder, 'deployed')]
  const wrangler = spawnWrangler(args, folder, ['ignore', 'pipe', 'pipe'])
  const whole = async (output: Readable | null) => (output === null ? '' : text(output))
  const [errors] = await Promise.all([whole(wrangler.stderr), whole(wrangler.stdout), once(wrangler, 'exit')])
  expect([wrangler.exitCode, errors]).toEqual([0, ''])
  const deployed = join(folder, 'deployed', 'edge.js')
  expect(gzipSync(await readFile(deployed)).length).toBeLessThan(MAX_GZIP_BYTES)
  await using workerd = await startWorkerd({ entry: pathToFileURL(deployed), bindings: {}, onLine: () => {} })
  const answer = await createApiCalls(workerd.url).api('GET', '/readyz')
  expect([answer.status, answer.json.error.code]).toEqual([503, 'INVALID_CONFIG'])
})
