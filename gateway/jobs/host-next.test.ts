import { describe, expect, it } from 'vitest'

import { AN_OUTPUT, planOf } from '../testing/job-reports.ts'
import { startPlayedJobs, WAIT, type PlayedJobs } from '../testing/played-jobs.ts'
import { TEST_KEYS, TEST_SETTINGS } from '../testing/test-gateway.ts'
import type { WorkerSpec } from '../workers/launcher.ts'
import { presentProgress } from './present.ts'
import { findJob, listUpdates } from './store.ts'

async function lastWord({ gateway: { gateway } }: PlayedJobs, id: string) {
  return (await listUpdates(gateway.context.db, id, 0, 100)).at(-1)?.body
}

async function presented({ gateway: { gateway } }: PlayedJobs, id: string) {
  const job = await findJob(gateway.context.db, id)
  return job === null ? null : presentProgress(job)
}

describe('a worker', () => {
  const start = (jobs: object) => startPlayedJobs({ settings: { jobs: { ...TEST_SETTINGS.jobs, ...jobs } } })
  const done = { state: 'done', progress: 100, output: AN_OUTPUT } as const

  it('that is done takes the next job that waits, also for the same place, which costs no start of another', async () => {
    await using played = await start({ maxWorkers: 1 })
    const output = { storage: 'local', path: 'same.mp4' }
    const first = await played.post({ output })
    const worker = await played.claim(first)
    const second = await played.post({ output })
    const media_info = {
      format: 'mp4',
      duration_sec: 1.5,
      size_bytes: 9,
      bit_rate_kbps: null,
      video: null,
      audio: null,
    }
    const answer = await worker.tell({ ...done, media_info, room: 1 })
    const trace = { traceparent: expect.stringMatching(/^00-/) }
    expect(answer.json.next).toEqual([{ task_id: second, token: expect.any(String), ...trace }])
    expect(await played.job(second)).toMatchObject({ status: 'processing' })
    for (const id of [first, second]) expect(await lastWord(played, id)).toEqual(await presented(played, id))
    const again = await played.claimNext(second)
    expect(played.launched()).toEqual([first])
    expect(
      (await played.gateway.gateway.context.launcher.list(AbortSignal.timeout(1000))).map(({ name }) => name),
    ).toEqual([`encode-${first}-1`])
    expect((await again.tell({ ...done, room: 1 })).json.next).toEqual([])
    expect(await played.job(second)).toMatchObject({ status: 'completed' })
  })

  it('with room takes more beside its own where no other may be started, and is told of it until it has claimed', async () => {
    await using played = await start({ maxWorkers: 1, maxConcurrent: 2 })
    const ids = [await played.post()]
    const worker = await played.claim(ids[0] ?? '')
    for (let i = 0; i < 2; i++) ids.push(await played.post())
    expect((await worker.tell({ progress: 1, room: 1 })).json.next).toMatchObject([{ task_id: ids[1] }])
    expect((await worker.tell({ progress: 2, room: 1 })).json.next).toMatchObject([{ task_id: ids[2] }])
    expect((await worker.repeat()).json.next).toMatchObject([{ task_id: ids[1] }, { task_id: ids[2] }])
    const status = (await played.gateway.api('GET', '/api/v1/workers/status')).json
    expect(new Set(status.workers.map((one: { worker: string }) => one.worker))).toEqual(
      new Set([`encode-${ids[0]}-1`]),
    )
    expect(status.capacity.jobs).toEqual({ used: 1, limit: 1 })
    await (await played.claimNext(ids[1] ?? '')).tell(done)
    expect((await worker.tell({ progress: 3, room: 0 })).json.next).toEqual([])
  })

  it('that says who it is has claimed what it is given: it begins at once, and its calls count', async () => {
    await using played = await start({ maxWorkers: 1 })
    const first = await played.claim(await played.post())
    const second = await played.post({ timeout_sec: 90 })
    const { claimant } = first
    const [next] = (await first.tell({ ...done, room: 1, claimant })).json.next
    expect(next.claim).toMatchObject({ epoch: 1, resume: null, policy: { allow_private_networks: true } })
    expect(next.claim.order).toMatchObject({ task: 'encode', job_id: second, time_left_ms: 90_000 })
    const worker = await played.begin(next, claimant)
    expect(await worker.tell({ progress: 1 })).toMatchObject({ status: 200, json: { duplicate: false } })
    expect((await played.gateway.api('GET', '/api/v1/workers/status')).json.workers).toMatchObject([
      { state: 'running', epoch: 1, claimed_at: expect.any(String) },
    ])
    expect((await worker.tell({ ...done, room: 1, claimant })).json.next).toEqual([])
    expect(await played.job(second)).toMatchObject({ status: 'completed' })
  })

  it('that does not hear what it was given is told again, and claims it as the same: nothing has changed', async () => {
    await using played = await start({ maxWorkers: 1 })
    const first = await played.claim(await played.post())
    const second = await played.post()
    const { claimant } = first
    const [lost] = (await first.tell({ ...done, room: 1, claimant })).json.next
    const again = (await first.repeat()).json.next
    expect(again).toEqual([{ task_id: second, token: lost.token }])
    const worker = await played.claimNext(second, claimant)
    expect({ ...worker.order, time_left_ms: 0 }).toEqual({ ...lost.claim.order, time_left_ms: 0 })
    expect(worker.epoch).toBe(1)
    expect((await played.claimNext(second)).epoch).toBe(2)
    expect(await worker.tell(done)).toMatchObject({ status: 409, json: { error: { code: 'STALE_EPOCH' } } })
  })

  it('that does not hear that its job is completed, or its piece done, is told so when it asks again; of a canceled one it is not', async () => {
    await using played = await start({ maxWorkers: 1 })
    const last = await played.claim(await played.post())
    await last.tell(done)
    expect(await last.repeat()).toMatchObject({ status: 200, json: { duplicate: true, next: [] } })
    const split = await played.post({ chunks: 2 })
    const splitter = await played.claim(split)
    await splitter.tell({ state: 'done', plan: planOf(2) })
    expect(await splitter.repeat()).toMatchObject({ status: 200, json: { duplicate: true } })
    await played.gateway.api('DELETE', `/api/v1/jobs/${split}`)
    const error = { code: 'ASSIGNMENT_ENDED', details: { job_status: 'canceled' } }
    expect(await splitter.repeat()).toMatchObject({ status: 409, json: { error } })
  })

  it('whose last report Postgres breaks off for another’s sake is heard all the same', async () => {
    await using played = await start({ maxWorkers: 1 })
    const id = await played.post()
    const worker = await played.claim(id)
    const { sql } = played.gateway.database
    const isWaiting = async () => (await sql`select from pg_locks where not granted`).length > 0
    let told: ReturnType<typeof worker.tell> | undefined
    await sql.begin(async (other) => {
      await other`set local deadlock_timeout = '1min'`
      await other`select from job_tasks where id = ${id} for update`
      told = worker.tell(done)
      await expect.poll(isWaiting, WAIT).toBe(true)
      // From here on each waits for the other.
      await other`select from jobs where id = ${id} for update`
    })
    expect(await told).toMatchObject({ status: 200, json: { duplicate: false } })
    expect(await played.job(id)).toMatchObject({ status: 'completed' })
  })

  it('that has failed takes no other, and what is tried again has one worker', async () => {
    await using played = await start({ maxWorkers: 1 })
    const first = await played.post()
    const worker = await played.claim(first)
    const second = await played.post()
    const failure = { code: 'UPLOAD_FAILED', message: 'the store is away', is_transient: true }
    expect((await worker.tell({ state: 'failed', failure, room: 1 })).json.next).toEqual([])
    await expect.poll(() => played.launched().filter((id) => id === first), WAIT).toHaveLength(2)
    expect(await played.job(second)).toMatchObject({ status: 'queued' })
  })

  it('that has done the last piece of a job takes what joins them, before any job that came later', async () => {
    await using played = await start({ maxWorkers: 1 })
    const split = await played.post({ chunks: 2 })
    const worker = await played.claim(split)
    await played.post()
    const [piece] = (await worker.tell({ state: 'done', progress: 100, plan: planOf(2), room: 1 })).json.next
    const [other] = (await (await played.claimNext(piece.task_id)).tell({ ...done, output: null, room: 1 })).json.next
    const [join] = (await (await played.claimNext(other.task_id)).tell({ ...done, output: null, room: 1 })).json.next
    expect((await played.claimNext(join.task_id)).order).toMatchObject({ task: 'join', job_id: split })
    const { workers } = (await played.gateway.api('GET', '/api/v1/workers/status')).json
    expect(workers).toMatchObject([{ assignment_id: join.task_id, runs: { job_id: split, task: 'join' } }])
  })

  it('that takes a piece of what it has split leaves the others to workers that are started at once', async () => {
    await using played = await start({ maxWorkers: 3 })
    const split = await played.post({ chunks: 3 })
    const worker = await played.claim(split)
    const [first] = (await worker.tell({ state: 'done', progress: 100, plan: planOf(3), room: 1 })).json.next
    const pieces = await played.tasks(split, 'chunk')
    expect(first.task_id).toBe(pieces[0])
    // Without being woken the gateway looks every four seconds.
    await expect.poll(() => played.launched().slice(1).toSorted(), { timeout: 3000 }).toEqual(pieces.slice(1))
  })

  it('leaves what waits to others as long as they may be started', async () => {
    await using played = await start({ maxWorkers: 2, maxConcurrent: 2 })
    const first = await played.post()
    const worker = await played.claim(first)
    const second = await played.post()
    expect((await worker.tell({ progress: 1, room: 1 })).json.next).toEqual([])
    await played.claim(second)
    expect(played.launched()).toEqual([first, second])
  })

  it('that has taken another while it was launched, or compared with what was read before, is left at work', async () => {
    await using played = await start({ maxWorkers: 1 })
    const { launch, list, stop } = played.launcher
    const key = { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY }
    const reconcile = () => played.gateway.api('POST', '/internal/v1/reconcile', undefined, key)
    let atWork = ''
    const stoppedAtWork: string[] = []
    /** A worker that is done at once, and takes another: that one's id. */
    const workOn = async (id: string): Promise<string> => {
      await played.post()
      const [next] = (await (await played.claimNext(id)).tell({ ...done, room: 1 })).json.next
      atWork = `encode-${id}-1`
      return next.task_id
    }
    /** Goes on with the other to its end, after whoever was about to act on what it knew of the worker has done so. */
    const end = async (id: string): Promise<void> => {
      const worker = await played.claimNext(id)
      await reconcile()
      atWork = ''
      await worker.tell(done)
    }
    const launched = new Promise<string>((resolve) => {
      const launchSlowly = async (spec: WorkerSpec) => {
        const outcome = await launch(spec)
        Object.assign(played.launcher, { launch })
        resolve(await workOn(spec.assignmentId))
        return outcome
      }
      const stopSeen: typeof stop = (worker, graceMs) => {
        if (worker.name === atWork) stoppedAtWork.push(worker.name)
        return stop(worker, graceMs)
      }
      Object.assign(played.launcher, { launch: launchSlowly, stop: stopSeen })
    })
    await played.post()
    await end(await launched)
    const compared = new Promise<string>((resolve) => {
      const listSlowly = async (signal: AbortSignal) => {
        Object.assign(played.launcher, { list })
        const id = await played.post()
        await expect.poll(played.launched, WAIT).toContain(id)
        resolve(await workOn(id))
        return list(signal)
      }
      Object.assign(played.launcher, { list: listSlowly })
    })
    void reconcile()
    await end(await compared)
    expect(stoppedAtWork).toEqual([])
  })

  it('that is silent about one of its tasks loses that one alone', async () => {
    await using played = await start({ maxWorkers: 1, maxConcurrent: 2 })
    const id = await played.post()
    const worker = await played.claim(id)
    const other = await played.post()
    await worker.tell({ progress: 1, room: 1 })
    const silent = await played.claimNext(other)
    await played.gateway.database.sql`update assignments set lease_until = now() where id = ${other}`
    await played.claim(other)
    expect(played.launcher.launched.map(({ name }) => name)).toEqual([`encode-${id}-1`, `encode-${other}-2`])
    const names = (await played.launcher.list(AbortSignal.timeout(1000))).map(({ name }) => name)
    expect(names).toContain(`encode-${id}-1`)
    expect((await worker.tell({ progress: 50 })).status).toBe(200)
    expect(await silent.tell({ progress: 50 })).toMatchObject({ status: 409, json: { error: { code: 'STALE_EPOCH' } } })
  })

  it('that dies loses all that it carries to others', async () => {
    await using played = await start({ maxWorkers: 2 })
    const first = await played.post()
    const worker = await played.claim(first)
    const other = await played.post()
    await played.claim(other)
    const second = await played.post()
    await worker.tell({ ...done, room: 1 })
    const again = await played.claimNext(second)
    played.launcher.exit(`encode-${first}-1`, { code: -1, reason: 'SIGKILL', lastLines: [] })
    await expect.poll(played.launched, WAIT).toEqual([first, other, second])
    await (await played.claim(second)).tell(done)
    expect((await again.tell({ progress: 50 })).status).toBe(409)
    expect(await played.job(second)).toMatchObject({ status: 'completed' })
  })
})
