import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { makeClip, type Clip } from '../worker/testing/media.ts'
import { startSimulator } from '../worker/testing/stream-simulator.ts'
import { findFreePort } from './adapters/free-port.ts'
import { bundleWorker } from './adapters/worker-bundle.ts'
import { EDGE_ENTRY, edgeBindings } from './testing/edge-gateway.ts'
import { startFakeKubernetes } from './testing/fake-kubernetes/index.ts'
import { checkInvariants } from './testing/invariants.ts'
import { startReceiver } from './testing/receiver.ts'
import { createTestDatabase } from './testing/test-database.ts'
import { callsTo, TEST_KEYS } from './testing/test-gateway.ts'
import { startWorkerd } from './testing/workerd.ts'
import { spawnWrangler } from './testing/wrangler.ts'

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

test('a gateway in workerd has a broadcast watched by a Pod, and tells its whole story though that Pod is lost', async () => {
  await using database = await createTestDatabase()
  await using cluster = await startFakeKubernetes({ runPods: { entry }, restrictedPods: true })
  await using simulator = await startSimulator(clip)
  await using receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
  const lines: string[] = []
  const port = await findFreePort(null)
  const bindings = { ...edgeBindings(database, cluster), GATEWAY_URL: `http://127.0.0.1:${port}` }
  await using workerd = await startWorkerd({ entry: EDGE_ENTRY, bindings, port, onLine: (line) => lines.push(line) })
  const { api } = callsTo(workerd.url)

  const made = await api('POST', '/api/v1/monitors', {
    stream_url: simulator.url,
    callback_url: receiver.url,
    config: { check_interval_sec: 1, blackout_threshold_sec: 2 },
  })
  const id: string = made.json.monitor_id
  await receiver.waitFor(({ payload }) => payload.event_type === 'alert.blackout', 20_000)
  cluster.faults.deletePod(`stream-monitor-${id}`)
  await expect.poll(() => cluster.pods(), { timeout: 20_000 }).toEqual([])
  await workerd.schedule()
  await receiver.waitFor(({ payload }) => payload.event_type === 'stream.ended', 30_000)

  const told = new Map(receiver.deliveries.map(({ payload }) => [payload.event_id, payload.event_type]))
  const story = ['stream.started', 'alert.blackout', 'alert.blackout_recovered', 'stream.ended']
  expect([...told.values()]).toEqual(story)
  expect(receiver.deliveries.every(({ verdict }) => verdict === 'valid')).toBe(true)
  expect((await api('GET', `/api/v1/monitors/${id}`)).json).toMatchObject({ status: 'completed' })
  await expect.poll(() => cluster.pods()[0]?.status.phase, { timeout: 20_000 }).toBe('Succeeded')
  await workerd.schedule()
  await expect.poll(() => cluster.pods(), { timeout: 20_000 }).toEqual([])
  expect(lines).toEqual([])
  await checkInvariants(database.sql, { realWorkers: true })
}, 90_000)

/** What the platform takes at most is 3 MiB; a leap means that something was bundled which runs elsewhere. */
const MAX_GZIP_BYTES = 300_000

test('what wrangler deploys runs in workerd, and is small', async () => {
  const args = ['deploy', '--dry-run', '--outdir', join(folder, 'deployed')]
  const wrangler = spawnWrangler(args, folder, ['ignore', 'pipe', 'pipe'])
  const whole = async (output: Readable | null) => (output === null ? '' : text(output))
  const [said] = await Promise.all([whole(wrangler.stderr), whole(wrangler.stdout), once(wrangler, 'exit')])
  expect([wrangler.exitCode, said]).toEqual([0, ''])
  const deployed = join(folder, 'deployed', 'edge.js')
  expect(gzipSync(await readFile(deployed)).length).toBeLessThan(MAX_GZIP_BYTES)
  await using workerd = await startWorkerd({ entry: pathToFileURL(deployed), bindings: {}, onLine: () => {} })
  const answer = await callsTo(workerd.url).api('GET', '/readyz')
  expect([answer.status, answer.json.error.code]).toEqual([503, 'INVALID_CONFIG'])
})
