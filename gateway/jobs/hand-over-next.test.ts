import { describe, expect, it } from 'vitest'

import { JOB_OUTPUT, buildChunkPlan } from '../testing/workers/job-reports.ts'
import { startSimulatedJobs, type SimulatedJobs } from '../testing/workers/simulated-jobs.ts'
import { TEST_KEYS } from '../testing/test-gateway.ts'
import type { WorkerSpec } from '../ports/launcher.ts'
import { listProgressEvents, readCurrentProgress } from './store/progress-events.ts'

async function lastProgress({ gateway: { gateway } }: SimulatedJobs, id: string) {
  return (await listProgressEvents(gateway.context.db, id, 0, 100)).at(-1)?.body
}

async function currentProgress({ gateway: { gateway } }: SimulatedJobs, id: string) {
  return (await readCurrentProgress(gateway.context.db, id))?.body
}

describe('a worker', () => {
  const start = ({ maxWorkers, maxConcurrent = 1 }: { maxWorkers: number; maxConcurrent?: number }) =>
    startSimulatedJobs({ env: { MAX_ENCODE_WORKERS: `${maxWorkers}`, MAX_CONCURRENT_JOBS: `${maxConcurrent}` } })
  const done = { state: 'done', progress: 100, output: JOB_OUTPUT } as const

  it('that is done takes the next waiting job without a launch, also one to the same place', async () => {
    await using simulation = await start({ maxWorkers: 1 })
    const output = { storage: 'local', path: 'same.mp4' }
    const first = await simulation.createJob({ output })
    const worker = await simulation.claim(first)
    const second = await simulation.createJob({ output })
    const media_info = {
      format: 'mp4',
      duration_sec: 1.5,
      size_bytes: 9,
      bit_rate_kbps: null,
      video: null,
      audio: null,
    }
    const answer = await worker.report({ ...done, media_info, room: 1 })
    const trace = { traceparent: expect.stringMatching(/^00-/) }
    expect(answer.json.next).toEqual([{ task_id: second, token: expect.any(String), ...trace }])
    expect(await simulation.job(second)).toMatchObject({ status: 'processing' })
    for (const id of [first, second])
      expect(await lastProgress(simulation, id)).toEqual(await currentProgress(simulation, id))
    const again = await simulation.claimNext(second)
    expect(simulation.launched()).toEqual([first])
    expect(
      (await simulation.gateway.gateway.context.launcher.list(AbortSignal.timeout(1000))).map(({ name }) => name),
    ).toEqual([`encode-${first}-1`])
    expect((await again.report({ ...done, room: 1 })).json.next).toEqual([])
    expect(await simulation.job(second)).toMatchObject({ status: 'completed' })
  })

  it('that is busy and has room takes more tasks where no other may be launched, and receives them again until it claims', async () => {
    await using simulation = await start({ maxWorkers: 1, maxConcurrent: 2 })
    const ids = [await simulation.createJob()]
    const worker = await simulation.claim(ids[0] ?? '')
    for (let i = 0; i < 2; i++) ids.push(await simulation.createJob())
    expect((await worker.report({ progress: 1, room: 1 })).json.next).toMatchObject([{ task_id: ids[1] }])
    expect((await worker.report({ progress: 2, room: 1 })).json.next).toMatchObject([{ task_id: ids[2] }])
    expect((await worker.resend()).json.next).toMatchObject([{ task_id: ids[1] }, { task_id: ids[2] }])
    const status = (await simulation.gateway.api('GET', '/api/v1/workers/status')).json
    expect(new Set(status.workers.map((one: { worker: string }) => one.worker))).toEqual(
      new Set([`encode-${ids[0]}-1`]),
    )
    expect(status.capacity.jobs).toEqual({ used: 1, limit: 1 })
    await (await simulation.claimNext(ids[1] ?? '')).report(done)
    expect((await worker.report({ progress: 3, room: 0 })).json.next).toEqual([])
  })

  it('that names its claimant holds the claim of each task in the answer: the gateway accepts its reports', async () => {
    await using simulation = await start({ maxWorkers: 1 })
    const first = await simulation.claim(await simulation.createJob())
    const second = await simulation.createJob({ timeout_sec: 90 })
    const { claimant } = first
    const [next] = (await first.report({ ...done, room: 1, claimant })).json.next
    expect(next.claim).toMatchObject({ epoch: 1, resume: null, policy: { allow_private_networks: true } })
    expect(next.claim.order).toMatchObject({ task: 'encode', job_id: second, time_left_ms: 90_000 })
    const worker = await simulation.startClaimed(next, claimant)
    expect(await worker.report({ progress: 1 })).toMatchObject({ status: 200, json: { duplicate: false } })
    expect((await simulation.gateway.api('GET', '/api/v1/workers/status')).json.workers).toMatchObject([
      { state: 'running', epoch: 1, claimed_at: expect.any(String) },
    ])
    expect((await worker.report({ ...done, room: 1, claimant })).json.next).toEqual([])
    expect(await simulation.job(second)).toMatchObject({ status: 'completed' })
  })

  it('whose answer was lost receives its tasks again, and keeps its epoch where it claims as the same claimant', async () => {
    await using simulation = await start({ maxWorkers: 1 })
    const first = await simulation.claim(await simulation.createJob())
    const second = await simulation.createJob()
    const { claimant } = first
    const [lost] = (await first.report({ ...done, room: 1, claimant })).json.next
    const again = (await first.resend()).json.next
    expect(again).toEqual([{ task_id: second, token: lost.token }])
    const worker = await simulation.claimNext(second, claimant)
    expect({ ...worker.order, time_left_ms: 0 }).toEqual({ ...lost.claim.order, time_left_ms: 0 })
    expect(worker.epoch).toBe(1)
    expect((await simulation.claimNext(second)).epoch).toBe(2)
    expect(await worker.report(done)).toMatchObject({ status: 409, json: { error: { code: 'STALE_EPOCH' } } })
  })

  it('that repeats its last report is accepted where its task is done, and refused where its job was canceled', async () => {
    await using simulation = await start({ maxWorkers: 1 })
    const last = await simulation.claim(await simulation.createJob())
    await last.report(done)
    expect(await last.resend()).toMatchObject({ status: 200, json: { duplicate: true, next: [] } })
    const split = await simulation.createJob({ chunks: 2 })
    const splitter = await simulation.claim(split)
    await splitter.report({ state: 'done', plan: buildChunkPlan(2) })
    expect(await splitter.resend()).toMatchObject({ status: 200, json: { duplicate: true } })
    await simulation.gateway.api('DELETE', `/api/v1/jobs/${split}`)
    const error = { code: 'ASSIGNMENT_ENDED', details: { job_status: 'canceled' } }
    expect(await splitter.resend()).toMatchObject({ status: 409, json: { error } })
  })

  it('whose last report is the victim of a deadlock is retried, and its job is completed', async () => {
    await using simulation = await start({ maxWorkers: 1 })
    const id = await simulation.createJob()
    const worker = await simulation.claim(id)
    const { sql } = simulation.gateway.database
    const isWaiting = async () => (await sql`select from pg_locks where not granted`).length > 0
    let told: ReturnType<typeof worker.report> | undefined
    await sql.begin(async (other) => {
      await other`set local deadlock_timeout = '1min'`
      await other`select from job_tasks where id = ${id} for update`
      told = worker.report(done)
      await expect.poll(isWaiting).toBe(true)
      // A deadlock from here on.
      await other`select from jobs where id = ${id} for update`
    })
    expect(await told).toMatchObject({ status: 200, json: { duplicate: false } })
    expect(await simulation.job(id)).toMatchObject({ status: 'completed' })
  })

  it('that has failed takes no other task, and its own is retried by one worker', async () => {
    await using simulation = await start({ maxWorkers: 1 })
    const first = await simulation.createJob()
    const worker = await simulation.claim(first)
    const second = await simulation.createJob()
    const failure = { code: 'UPLOAD_FAILED', message: 'the store is away', is_transient: true }
    expect((await worker.report({ state: 'failed', failure, room: 1 })).json.next).toEqual([])
    await expect.poll(() => simulation.launched().filter((id) => id === first)).toHaveLength(2)
    expect(await simulation.job(second)).toMatchObject({ status: 'queued' })
  })

  it('that has done the last chunk takes the join, before any job that was created later', async () => {
    await using simulation = await start({ maxWorkers: 1 })
    const split = await simulation.createJob({ chunks: 2 })
    const worker = await simulation.claim(split)
    await simulation.createJob()
    const [piece] = (await worker.report({ state: 'done', progress: 100, plan: buildChunkPlan(2), room: 1 })).json.next
    const [other] = (await (await simulation.claimNext(piece.task_id)).report({ ...done, output: null, room: 1 })).json
      .next
    const [join] = (await (await simulation.claimNext(other.task_id)).report({ ...done, output: null, room: 1 })).json
      .next
    expect((await simulation.claimNext(join.task_id)).order).toMatchObject({ task: 'join', job_id: split })
    const { workers } = (await simulation.gateway.api('GET', '/api/v1/workers/status')).json
    expect(workers).toMatchObject([{ assignment_id: join.task_id, runs: { job_id: split, task: 'join' } }])
  })

  it('that has split a job takes one chunk, and workers are launched for the others at once', async () => {
    await using simulation = await start({ maxWorkers: 3 })
    const split = await simulation.createJob({ chunks: 3 })
    const worker = await simulation.claim(split)
    const [first] = (await worker.report({ state: 'done', progress: 100, plan: buildChunkPlan(3), room: 1 })).json.next
    const pieces = await simulation.tasks(split, 'chunk')
    expect(first.task_id).toBe(pieces[0])
    // Without being woken the gateway looks every four seconds.
    await expect.poll(() => simulation.launched().slice(1).toSorted()).toEqual(pieces.slice(1))
  })

  it('that is busy leaves waiting tasks to other workers while these may be launched', async () => {
    await using simulation = await start({ maxWorkers: 2, maxConcurrent: 2 })
    const first = await simulation.createJob()
    const worker = await simulation.claim(first)
    const second = await simulation.createJob()
    expect((await worker.report({ progress: 1, room: 1 })).json.next).toEqual([])
    await simulation.claim(second)
    expect(simulation.launched()).toEqual([first, second])
  })

  it('is not stopped for its ended task when it took another one during its launch or a reconciliation', async () => {
    await using simulation = await start({ maxWorkers: 1 })
    const { launch, list, stop } = simulation.launcher
    const key = { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY }
    const reconcile = () => simulation.gateway.api('POST', '/internal/v1/reconcile', undefined, key)
    let atWork = ''
    const stoppedAtWork: string[] = []
    /** Completes a task at once and takes another with it; returns the id of that one. */
    const workOn = async (id: string): Promise<string> => {
      await simulation.createJob()
      const [next] = (await (await simulation.claimNext(id)).report({ ...done, room: 1 })).json.next
      atWork = `encode-${id}-1`
      return next.task_id
    }
    /** Completes the other task, after a reconciliation that began with what was known before. */
    const end = async (id: string): Promise<void> => {
      const worker = await simulation.claimNext(id)
      await reconcile()
      atWork = ''
      await worker.report(done)
    }
    const launched = new Promise<string>((resolve) => {
      const launchSlowly = async (spec: WorkerSpec) => {
        const outcome = await launch(spec)
        Object.assign(simulation.launcher, { launch })
        resolve(await workOn(spec.assignmentId))
        return outcome
      }
      const stopSeen: typeof stop = (worker, graceMs) => {
        if (worker.name === atWork) stoppedAtWork.push(worker.name)
        return stop(worker, graceMs)
      }
      Object.assign(simulation.launcher, { launch: launchSlowly, stop: stopSeen })
    })
    await simulation.createJob()
    await end(await launched)
    const compared = new Promise<string>((resolve) => {
      const listSlowly = async (signal: AbortSignal) => {
        Object.assign(simulation.launcher, { list })
        const id = await simulation.createJob()
        await expect.poll(simulation.launched).toContain(id)
        resolve(await workOn(id))
        return list(signal)
      }
      Object.assign(simulation.launcher, { list: listSlowly })
    })
    void reconcile()
    await end(await compared)
    expect(stoppedAtWork).toEqual([])
  })

  it('that reports only one of its two tasks loses the other one alone', async () => {
    await using simulation = await start({ maxWorkers: 1, maxConcurrent: 2 })
    const id = await simulation.createJob()
    const worker = await simulation.claim(id)
    const other = await simulation.createJob()
    await worker.report({ progress: 1, room: 1 })
    const silent = await simulation.claimNext(other)
    await simulation.gateway.database.sql`update assignments set lease_until = now() where id = ${other}`
    await simulation.claim(other)
    expect(simulation.launcher.launched.map(({ name }) => name)).toEqual([`encode-${id}-1`, `encode-${other}-2`])
    const names = (await simulation.launcher.list(AbortSignal.timeout(1000))).map(({ name }) => name)
    expect(names).toContain(`encode-${id}-1`)
    expect((await worker.report({ progress: 50 })).status).toBe(200)
    expect(await silent.report({ progress: 50 })).toMatchObject({
      status: 409,
      json: { error: { code: 'STALE_EPOCH' } },
    })
  })

  it('that dies loses all of its tasks to other workers', async () => {
    await using simulation = await start({ maxWorkers: 2 })
    const first = await simulation.createJob()
    const worker = await simulation.claim(first)
    const other = await simulation.createJob()
    await simulation.claim(other)
    const second = await simulation.createJob()
    await worker.report({ ...done, room: 1 })
    const again = await simulation.claimNext(second)
    simulation.launcher.exit(`encode-${first}-1`, { code: -1, reason: 'SIGKILL', lastLines: [] })
    await expect.poll(simulation.launched).toEqual([first, other, second])
    await (await simulation.claim(second)).report(done)
    expect((await again.report({ progress: 50 })).status).toBe(409)
    expect(await simulation.job(second)).toMatchObject({ status: 'completed' })
  })
})
