import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { makeSource } from '../../worker/testing/job-media.ts'
import { connectPostgres } from '../adapters/postgres.ts'
import { checkInvariants } from '../testing/invariants.ts'
import { encoderPids, workerPids } from '../testing/processes.ts'
import type { Answer } from '../testing/receiver.ts'
import { callsTo, type Json } from '../testing/test-gateway.ts'
import { killPostgres, startWholeSystem, until, type WholeSystem } from '../testing/whole-system.ts'

/** Length of the clip. */
const CLIP_SEC = 4

/**
 * An ffmpeg that reads its input no faster than it would play, and a job's first one four times slower still: half of it
 * is a matter of time, not of this machine, and there is time to do something in its middle.
 */
const slowFfmpeg = (notes: string) => `#!/bin/sh
folder=\${PWD%/out}
job=\${folder##*/}
if mkdir "${notes}/\${job%%.*}" 2>/dev/null; then rate=0.25; else rate=1; fi
exec ffmpeg -readrate "$rate" "$@"
`

/** A receiver that fails at first: each webhook has to come a second time. */
function answerOnSecond(): Answer {
  const seen = new Set<string>()
  return ({ payload: { event_id } }) => {
    const isSecond = seen.has(event_id)
    seen.add(event_id)
    return isSecond ? 204 : 500
  }
}

let dir: string
let source: string
let system: WholeSystem

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-jobs-'))
  source = await makeSource(dir, 'plain', { sec: CLIP_SEC, size: '160x90', fps: '25' })
  const slowly = join(dir, 'ffmpeg-slowly')
  const notes = join(dir, 'begun')
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
    answerOnSecond(),
  )
}, 60_000)
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

/** Resolves in the middle of the encoding, with the worker's pid. */
async function halfWay(id: string): Promise<number> {
  await until(async () => (await job(id)).progress >= 40, `job ${id} is half done`, 60_000)
  return firstOf(workerPids(id))
}

/** Resolves once a worker encodes it, with the worker's pid: after a restart the job's progress stands where it was. */
async function encodes(id: string): Promise<number> {
  await until(() => workerPids(id).some((pid) => encoderPids(pid).length > 0), `job ${id} is encoded`)
  return firstOf(workerPids(id))
}

/** Never 0, which to a signal means all of our own. */
function firstOf([pid]: readonly number[]): number {
  if (pid === undefined) throw new Error('there is no such process')
  return pid
}

async function stored(): Promise<string[]> {
  return readdir(join(dir, 'media'), { recursive: true }).catch(() => [])
}

/** The folders of a job's workers; those of others are at work beside. */
async function scratchOf(id: string): Promise<string[]> {
  return (await readdir(join(dir, 'work'))).filter((name) => name.startsWith(id))
}

/** What must hold at the end, whatever was killed in the middle: one end, told once and for all, and nothing left over. */
async function expectWhole(id: string, attempts: number): Promise<void> {
  await until(async () => typeof (await job(id)).ended_at === 'string', `job ${id} ends`, 90_000)
  const done = await job(id)
  expect(done.error).toBeNull()
  expect(done).toMatchObject({ status: 'completed', progress: 100, attempts, validation: { is_valid: true } })
  const told = await system.receiver.waitFor(({ payload }) => idOf(payload) === id, 30_000)
  await until(() => deliveriesOf(id).length >= 2, 'the webhook comes again after its 500', 30_000)
  for (const { payload, body, verdict } of deliveriesOf(id)) {
    expect([payload.event_type, body, verdict]).toEqual(['job.completed', told.body, 'valid'])
  }
  await until(() => workerPids(id).length === 0, 'the worker is gone')
  const files = await stored()
  expect(files).toContain(done.request.output.path)
  expect(files.filter((file) => file.includes(id))).toEqual([])
  await until(async () => (await scratchOf(id)).length === 0, 'its scratch folders are gone')
  await using database = connectPostgres(system.databaseUrl, createLog('test', 'error', console.error))
  await checkInvariants(database.sql, { realWorkers: true, received: system.receiver.deliveries })
}

const idOf = (payload: object): unknown => new Map(Object.entries(payload)).get('job_id')
const deliveriesOf = (id: string) => system.receiver.deliveries.filter(({ payload }) => idOf(payload) === id)

it.concurrent('kill -9 of the worker in the middle: another one does the job, and nothing is told twice or left over', async () => {
  const id = await post()
  process.kill(await halfWay(id), 'SIGKILL')
  await expectWhole(id, 2)
}, 120_000)

it.concurrent('kill -9 of ffmpeg in the middle: that was an attempt, and the next one does the job', async () => {
  const id = await post()
  process.kill(firstOf(encoderPids(await halfWay(id))), 'SIGKILL')
  await expectWhole(id, 2)
}, 120_000)

it.concurrent('DELETE in the middle: the encoder is gone within 5 s, nothing is in the store, and that is told once', async () => {
  const id = await post()
  const pid = await halfWay(id)
  expect(encoderPids(pid)).not.toEqual([])
  const answer = await system.api('DELETE', `/api/v1/jobs/${id}`)
  expect([answer.status, answer.json.status]).toEqual([200, 'canceled'])
  await until(() => encoderPids(pid).length === 0, 'the encoder is gone', 5000)
  await until(() => workerPids(id).length === 0, 'the worker is gone')
  await until(() => deliveriesOf(id).length >= 2, 'the webhook comes again after its 500', 30_000)
  expect(new Set(deliveriesOf(id).map(({ payload }) => payload.event_type))).toEqual(new Set(['job.canceled']))
  expect(await stored()).not.toContain(answer.json.request.output.path)
  expect(await scratchOf(id)).toEqual([])
}, 120_000)

it.concurrent('a worker that was frozen while another one took over ends when it thaws, with its encoder, and nothing that it says is stored', async () => {
  const id = await post()
  const pid = await halfWay(id)
  process.kill(pid, 'SIGSTOP')
  const { callback } = callsTo(system.gateway().origin)
  const other = { id, worker: `encode-${id}-1` }
  const claimed = await callback(other, 'POST', `/internal/v1/jobs/${id}/claim`, { claimant: crypto.randomUUID() })
  expect(claimed.json).toMatchObject({ epoch: 2, order: { task: 'encode' } })
  const before = await job(id)
  process.kill(pid, 'SIGCONT')
  // Its end has another attempt launched, which is all that may happen.
  await until(() => !workerPids(id).includes(pid) && encoderPids(pid).length === 0, 'both are gone', 5000)
  expect({ ...(await job(id)), attempts: 0 }).toEqual({ ...before, attempts: 0 })
  expect(await stored()).not.toContain(before.request.output.path)
  expect((await system.api('DELETE', `/api/v1/jobs/${id}`)).json.status).toBe('canceled')
}, 120_000)

it('kill -9 of the gateway, SIGTERM to the next one, and kill -9 of Postgres, each in the middle of a job and around its POST: it is done once, at no cost in attempts', async () => {
  const key = { 'idempotency-key': 'only-once' }
  const id = await post({}, key)
  await halfWay(id)
  system.gateway().kill('SIGKILL')
  await system.gateway().exited
  await until(() => workerPids(id).length === 0, 'the orphaned worker has ended by itself', 5000)
  await system.startGateway()
  const listed = (await system.api('GET', '/api/v1/jobs')).json.jobs.length
  made -= 1
  expect(await post({}, key)).toBe(id)
  expect((await system.api('GET', '/api/v1/jobs')).json.jobs).toHaveLength(listed)

  await encodes(id)
  system.gateway().kill('SIGTERM')
  await system.gateway().exited
  expect(workerPids(id)).toEqual([])
  await system.startGateway()

  // The worker waits, and then tells all of it.
  const pid = await encodes(id)
  await killPostgres(system)
  expect(workerPids(id)).toEqual([pid])
  await expectWhole(id, 1)
  expect((await stored()).filter((file) => file.startsWith('.'))).toEqual([])
  expect(await readdir(join(dir, 'work'))).toEqual([])
}, 120_000)
