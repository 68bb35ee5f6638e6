import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { until } from '../../shared/testing/until.ts'
import { createLog } from '../../shared/log.ts'
import { makeSourceMedia } from '../../shared/testing/source-media.ts'
import { connectPostgres } from '../adapters/postgres/connect.ts'
import { checkInvariants } from '../testing/invariants/check-invariants.ts'
import { findEncoderPids, findWorkerPids } from '../testing/find-processes.ts'
import type { ReceiverBehaviour } from '../testing/receiver.ts'
import { createApiCalls, type Json } from '../testing/test-gateway.ts'
import { killPostgres, startWholeSystem, type WholeSystem } from '../testing/whole-system.ts'

/** Length of the clip: twice as long at half speed, of which an encoder looks ahead some five seconds. */
const CLIP_SEC = 12

/**
 * Returns an ffmpeg that reads its input at half the playback speed for the first attempt of a job, and for each one of
 * a job that is noted as slow: there is time to interfere in the middle of an encode.
 */
const slowFfmpeg = (notes: string) => `#!/bin/sh
folder=\${PWD%/out}
job=\${folder##*/}
job=\${job%%.*}
if mkdir "${notes}/$job" 2>/dev/null || [ -e "${notes}/$job/slow" ]; then exec ffmpeg -readrate 0.5 "$@"; fi
exec ffmpeg "$@"
`

/** Returns an answer that fails the first attempt of each webhook. */
function answerOnSecond(): ReceiverBehaviour {
  const seen = new Set<string>()
  return ({ payload: { event_id } }) => {
    const isSecond = seen.has(event_id)
    seen.add(event_id)
    return isSecond ? 204 : 500
  }
}

let dir: string
let source: string
let notes: string
let system: WholeSystem

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-jobs-'))
  source = await makeSourceMedia(dir, 'plain', { sec: CLIP_SEC, size: '160x90', fps: '25' })
  const slowly = join(dir, 'ffmpeg-slowly')
  notes = join(dir, 'begun')
  await mkdir(notes)
  await writeFile(slowly, slowFfmpeg(notes))
  await chmod(slowly, 0o755)
  system = await startWholeSystem(
    {
      FFMPEG_PATH: slowly,
      STORAGE_DIR: join(dir, 'media'),
      WORK_DIR: join(dir, 'work'),
      ALLOW_FILE_INPUT: 'true',
      MAX_ENCODE_WORKERS: '4',
      RATE_LIMIT_WRITES_PER_MIN: '1000',
    },
    { behaviour: answerOnSecond(), isEmbedded: true },
  )
})
afterAll(async () => {
  await system[Symbol.asyncDispose]()
  await rm(dir, { recursive: true, force: true })
})

let made = 0
async function post(more: object = {}, headers = {}): Promise<string> {
  made += 1
  const output = { storage: 'local', path: `out-${made}.mp4` }
  const body = {
    input_url: `file://${source}`,
    preset: '480p_h264',
    output,
    callback_url: system.receiver.url,
    ...more,
  }
  const answer = await system.api('POST', '/api/v1/jobs', body, headers)
  expect(answer).toMatchObject({ status: 202 })
  return answer.json.job_id
}

const job = async (id: string): Promise<Json> => (await system.api('GET', `/api/v1/jobs/${id}`)).json

/** Resolves in the middle of the first encode with the worker's pid. */
async function waitUntilUnderWay(id: string): Promise<number> {
  await until(async () => (await job(id)).progress > 0, `job ${id} is under way`)
  return firstOf(findWorkerPids(id))
}

/** Resolves once a worker encodes the job, with its pid: after a restart the job shows the progress that it had. */
async function waitUntilEncoding(id: string): Promise<number> {
  await until(() => findWorkerPids(id).some((pid) => findEncoderPids(pid).length > 0), `job ${id} is encoded`)
  return firstOf(findWorkerPids(id))
}

/** Returns the only pid; never 0, which would signal our own process group. */
function firstOf([pid]: readonly number[]): number {
  if (pid === undefined) throw new Error('there is no such process')
  return pid
}

async function listStored(): Promise<string[]> {
  return readdir(join(dir, 'media'), { recursive: true }).catch(() => [])
}

/** Returns the scratch folders of a job's workers. */
async function scratchOf(id: string): Promise<string[]> {
  return (await readdir(join(dir, 'work'))).filter((name) => name.startsWith(id))
}

/** Asserts what must hold at the end, whatever was killed before: one output, one webhook, and nothing left over. */
async function expectCompletedOnce(id: string, attempts: number): Promise<void> {
  await until(async () => typeof (await job(id)).ended_at === 'string', `job ${id} ends`)
  const done = await job(id)
  expect(done.error).toBeNull()
  expect(done).toMatchObject({ status: 'completed', progress: 100, attempts, validation: { is_valid: true } })
  const told = await system.receiver.waitFor(({ payload }) => idOf(payload) === id)
  await until(() => deliveriesOf(id).length >= 2, 'the webhook comes again after its 500')
  for (const { payload, body, verdict } of deliveriesOf(id)) {
    expect([payload.event_type, body, verdict]).toEqual(['job.completed', told.body, 'valid'])
  }
  await until(() => findWorkerPids(id).length === 0, 'the worker is gone')
  const files = await listStored()
  expect(files).toContain(done.request.output.path)
  expect(files.filter((file) => file.includes(id))).toEqual([])
  await until(async () => (await scratchOf(id)).length === 0, 'its scratch folders are gone')
  await using database = connectPostgres(system.databaseUrl, createLog('test', 'error', console.error))
  await checkInvariants(database.sql, { realWorkers: true, received: system.receiver.deliveries })
}

const idOf = (payload: object): unknown => new Map(Object.entries(payload)).get('job_id')
const deliveriesOf = (id: string) => system.receiver.deliveries.filter(({ payload }) => idOf(payload) === id)

it.concurrent('a worker that is killed in the middle is replaced, and its job is completed and published once', async () => {
  const id = await post()
  process.kill(await waitUntilUnderWay(id), 'SIGKILL')
  await expectCompletedOnce(id, 2)
})

it.concurrent('an ffmpeg that is killed in the middle costs an attempt, and the next one completes the job', async () => {
  const id = await post()
  process.kill(firstOf(findEncoderPids(await waitUntilUnderWay(id))), 'SIGKILL')
  await expectCompletedOnce(id, 2)
})

it.concurrent('a job that is canceled in the middle has no encoder and no files, and publishes that once', async () => {
  const id = await post()
  const pid = await waitUntilUnderWay(id)
  expect(findEncoderPids(pid)).not.toEqual([])
  const answer = await system.api('DELETE', `/api/v1/jobs/${id}`)
  expect([answer.status, answer.json.status]).toEqual([200, 'canceled'])
  await until(() => findEncoderPids(pid).length === 0, 'the encoder is gone')
  await until(() => findWorkerPids(id).length === 0, 'the worker is gone')
  await until(() => deliveriesOf(id).length >= 2, 'the webhook comes again after its 500')
  expect(new Set(deliveriesOf(id).map(({ payload }) => payload.event_type))).toEqual(new Set(['job.canceled']))
  expect(await listStored()).not.toContain(answer.json.request.output.path)
  expect(await scratchOf(id)).toEqual([])
})

it.concurrent('a worker that was frozen while another one claimed its task ends with its encoder when it continues, and changes nothing', async () => {
  const id = await post()
  const pid = await waitUntilUnderWay(id)
  process.kill(pid, 'SIGSTOP')
  const { callback } = createApiCalls(system.gateway().origin)
  const other = { id, worker: `encode-${id}-1` }
  const claimed = await callback(other, 'POST', `/internal/v1/jobs/${id}/claim`, { claimant: crypto.randomUUID() })
  expect(claimed.json).toMatchObject({ epoch: 2, order: { task: 'encode' } })
  const before = await job(id)
  process.kill(pid, 'SIGCONT')
  // Its end causes another attempt, and nothing else.
  await until(() => !findWorkerPids(id).includes(pid) && findEncoderPids(pid).length === 0, 'both are gone')
  expect({ ...(await job(id)), attempts: 0 }).toEqual({ ...before, attempts: 0 })
  expect(await listStored()).not.toContain(before.request.output.path)
  expect((await system.api('DELETE', `/api/v1/jobs/${id}`)).json.status).toBe('canceled')
})

it('a job survives kill -9 of its gateway, SIGTERM to the next one and kill -9 of Postgres, and is done once with one attempt', async () => {
  const key = { 'idempotency-key': 'only-once' }
  const id = await post({}, key)
  await waitUntilUnderWay(id)
  await writeFile(join(notes, id, 'slow'), '')
  system.gateway().kill('SIGKILL')
  await system.gateway().exited
  await until(() => findWorkerPids(id).length === 0, 'the orphaned worker has ended by itself')
  await system.startGateway()
  const listed = (await system.api('GET', '/api/v1/jobs')).json.jobs.length
  made -= 1
  expect(await post({}, key)).toBe(id)
  expect((await system.api('GET', '/api/v1/jobs')).json.jobs).toHaveLength(listed)

  await waitUntilEncoding(id)
  system.gateway().kill('SIGTERM')
  await system.gateway().exited
  expect(findWorkerPids(id)).toEqual([])
  await system.startGateway()

  // The worker waits for the database, and then reports everything.
  const pid = await waitUntilEncoding(id)
  await killPostgres(system)
  expect(findWorkerPids(id).filter((other) => other !== pid)).toEqual([])
  await expectCompletedOnce(id, 1)
  expect((await listStored()).filter((file) => file.startsWith('.'))).toEqual([])
  expect(await readdir(join(dir, 'work'))).toEqual([])
})
