import { execFileSync, spawnSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { JobReport } from '../../shared/contract/jobs.ts'
import type { Preset } from '../../shared/contract/presets.ts'
import { ACCEPTED, refusal } from '../testing/fake-gateway.ts'
import {
  createEncodeSpec,
  isFinalReport,
  QUICK_PRESET,
  startJobGateway,
  type JobGatewayOptions,
} from '../testing/job-gateway.ts'
import { startLocalServer, type LocalServer } from '../../shared/testing/local-server.ts'
import { until } from '../../shared/testing/until.ts'
import { startWorker, type WorkerProcess } from '../../shared/testing/worker-process.ts'
import { encodeEnv } from '../testing/worker-environments.ts'

const CLIP_SEC = 40
const LOOPS = 30
let media: string
let server: LocalServer

beforeAll(async () => {
  media = await mkdtemp(join(tmpdir(), 'tallylight-worker-'))
  const picture = ['-f', 'lavfi', '-i', `testsrc2=s=160x90:r=25:d=${CLIP_SEC}`]
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${CLIP_SEC}`]
  const encoding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
  const clip = join(media, 'clip.mp4')
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', ...picture, ...sound, ...encoding, clip])
  const looped = ['-stream_loop', String(LOOPS - 1), '-i', clip, '-c', 'copy']
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', ...looped, join(media, 'long.mp4')])
  server = await startLocalServer(serve)
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(media, { recursive: true })
})

async function serve({ url }: IncomingMessage, response: ServerResponse): Promise<void> {
  if (url === '/drip') {
    const drip = setInterval(() => response.write('.'), 1000)
    return void response.writeHead(200).on('close', () => clearInterval(drip))
  }
  const path = join(media, basename(url ?? ''))
  response.writeHead(200, { 'content-length': (await stat(path)).size })
  createReadStream(path).pipe(response)
}

function h264(speed: 'ultrafast' | 'slow', crf: number): Preset {
  return { ...QUICK_PRESET, video: { codec: 'h264', speed, renditions: [{ height: 90, crf, kbps: null }] } }
}

function quickOrder(path = '/clip.mp4') {
  return createEncodeSpec(server.origin + path)
}

/** It takes a few seconds. */
function slowOrder() {
  return createEncodeSpec(`${server.origin}/clip.mp4`, { preset: h264('slow', 10) })
}

/** It takes minutes: whatever a test does comes in between. */
function longOrder() {
  const video: Preset['video'] = { codec: 'h265', speed: 'slow', renditions: [{ height: 90, crf: 5, kbps: null }] }
  return createEncodeSpec(`${server.origin}/long.mp4`, { preset: { ...QUICK_PRESET, video } })
}

/** A worker with folders of its own, and a gateway that hands it one order. */
async function start(options: JobGatewayOptions, wrapper: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-worker-'))
  const gateway = await startJobGateway(options)
  const worker = startWorker(encodeEnv(gateway.origin, dir, env), wrapper)
  return {
    dir,
    gateway,
    worker,
    /** The last report, once the worker has ended well. */
    async ended(): Promise<JobReport> {
      const exit = await worker.exited
      if (exit.code !== 0) throw new Error(`the worker ended with ${exit.code}:\n${worker.lines.join('\n')}`)
      return gateway.report(isFinalReport)
    },
    /** What lies in the store and in the folder for work. */
    left: async () => [...(await filesIn(join(dir, 'store'))), ...(await filesIn(join(dir, 'work')))],
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]()
      await gateway[Symbol.asyncDispose]()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function filesIn(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name)
}

/** The ffmpeg that a worker runs, once it runs one (proc(5)). */
async function ffmpegOf({ pid }: WorkerProcess): Promise<number> {
  for (;;) {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
    for (const child of children.split(' ').filter(Boolean)) {
      const name = await readFile(`/proc/${child}/comm`, 'utf8').catch(() => '')
      if (name.trim() === 'ffmpeg') return Number(child)
    }
    await delay(20)
  }
}

/** Returns whether a process runs; one that is not reaped yet does not. */
async function isRunning(pid: number): Promise<boolean> {
  const told = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return told !== '' && !/\) [ZX] /.test(told)
}

/** Mounting takes a kernel that lets us: in a namespace of the worker's own, so that nothing of it stays. */
const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0

describe.concurrent('a job’s worker', () => {
  test('reports its progress, which never falls, at most once a second, and leaves nothing but the output', async () => {
    await using job = await start({ spec: slowOrder() })
    expect(await job.ended()).toMatchObject({
      state: 'done',
      progress: 100,
      output: { output_url: 'http://127.0.0.1:9/media/shows/one.mp4', output_type: 'single', files_uploaded: 1 },
      validation: { is_valid: true, errors: [] },
      media_info: { video: { width: 160, height: 90 }, audio: { codec: 'aac' } },
      has_stored: true,
      failure: null,
      room: 1,
    })
    expect(await job.left()).toEqual(['one.mp4'])
    const reports = job.gateway.reports()
    const progress = reports.map((report) => report.progress)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(reports.map(({ seq }) => seq)).toEqual(reports.map((_, i) => i + 1))
    expect(reports[0]).toMatchObject({ state: 'processing', progress: 0, has_stored: false, room: 0 })
    const times = job.gateway.calls.filter(({ path }) => path.endsWith('/status')).map(({ atMs }) => atMs)
    expect(times.length).toBeLessThanOrEqual(((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000 + 3)
  })

  test('stops when the job’s time is over, also while a server drips', async () => {
    await using job = await start({ spec: { ...quickOrder('/drip'), time_left_ms: 1500 } })
    expect((await job.ended()).failure).toMatchObject({ code: 'JOB_TIMEOUT', is_transient: false })
    expect(await job.left()).toEqual([])
  })

  test('takes a killed ffmpeg for a failed attempt', async () => {
    await using job = await start({ spec: longOrder() })
    process.kill(await ffmpegOf(job.worker), 'SIGKILL')
    expect((await job.ended()).failure).toMatchObject({ code: 'ENCODE_FAILED', is_transient: true })
    expect(await job.left()).toEqual([])
  })

  test.each(['ASSIGNMENT_ENDED', 'STALE_EPOCH'])('ends with its ffmpeg amid an encode after %s', async (code) => {
    let isOver = false
    await using job = await start({ spec: longOrder(), answer: () => (isOver ? refusal(409, code) : ACCEPTED) })
    const ffmpeg = await ffmpegOf(job.worker)
    isOver = true
    expect([await job.worker.exited, await isRunning(ffmpeg)]).toEqual([{ code: 0, signal: null }, false])
    expect(job.gateway.reports().filter(isFinalReport)).toEqual([])
    expect(await job.left()).toEqual([])
  })

  test.each([
    ['takes back what it has stored of a job', 'canceled', []],
    ['leaves what it has stored of a job', 'completed', ['files.json', 'one.mp4']],
  ])('%s that turns out to be %s', async (_what, job_status, left) => {
    const over = refusal(409, 'ASSIGNMENT_ENDED', { job_status })
    await using job = await start({ spec: quickOrder(), answer: (report) => (isFinalReport(report) ? over : ACCEPTED) })
    expect(await job.worker.exited).toEqual({ code: 0, signal: null })
    expect((await job.left()).toSorted()).toEqual(left)
  })

  test('drops everything on SIGTERM, and reports no end of its task', async () => {
    await using job = await start({ spec: longOrder() })
    const ffmpeg = await ffmpegOf(job.worker)
    job.worker.kill('SIGTERM')
    expect([await job.worker.exited, await isRunning(ffmpeg)]).toEqual([{ code: 0, signal: null }, false])
    expect(job.gateway.reports().filter(isFinalReport)).toEqual([])
    expect(await job.left()).toEqual([])
  })

  test('takes its ffmpeg along when it is killed, and the next one clears up what it left', async () => {
    await using job = await start({ spec: longOrder() })
    const ffmpeg = await ffmpegOf(job.worker)
    job.worker.kill('SIGKILL')
    await job.worker.exited
    await until(async () => !(await isRunning(ffmpeg)), 'its ffmpeg is gone')
    expect(await job.left()).toEqual(expect.arrayContaining(['input']))

    await using next = startWorker(encodeEnv(job.gateway.origin, job.dir))
    await ffmpegOf(next)
    expect(await readdir(join(job.dir, 'work'))).toEqual([expect.stringContaining(`.${next.pid}.`)])
  })

  test.each(['claims', 'has claimed'])('%s and does the tasks that it is given when it is done', async (how) => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const given = { task_id: 'task-019502f0-0000-7000-8000-000000000002', token: 'c'.repeat(64), traceparent }
    const policy = { allow_private_networks: true, allow_any_site: false }
    const next = [
      how === 'claims' ? given : { ...given, claim: { epoch: 1, resume: null, policy, order: quickOrder() } },
    ]
    await using job = await start({
      spec: quickOrder(),
      answer: (report) => ({
        status: 200,
        body: { duplicate: false, next: isFinalReport(report) ? next.splice(0) : [] },
      }),
    })
    await job.ended()
    const claims = job.gateway.calls.filter(({ path }) => path.endsWith('/claim'))
    const own = 'job-019502f0-0000-7000-8000-000000000001'
    expect(claims.map(({ path }) => path.split('/')[4])).toEqual(how === 'claims' ? [own, given.task_id] : [own])
    const reports = job.gateway.reports()
    expect(reports.filter(isFinalReport)).toMatchObject([{ state: 'done' }, { state: 'done' }])
    const tracesOf = (id: string) =>
      new Set(
        job.gateway.calls
          .filter(({ path }) => path.includes(id))
          .map(({ headers }) => headers['traceparent']?.slice(0, 36)),
      )
    expect([tracesOf(own), tracesOf(given.task_id)]).toEqual([
      new Set([undefined]),
      new Set([traceparent.slice(0, 36)]),
    ])
    const claimants = [...claims.map(({ body }) => JSON.parse(body).claimant), ...reports.map((one) => one.claimant)]
    expect(new Set(claimants).size).toBe(1)
  })

  test.runIf(canMount).each([
    ['fetched', () => server.origin],
    ['encoded', () => `file://${media}`],
  ])('says when the disk is full while an input is %s, and frees it', async (_when, base) => {
    const bulky = createEncodeSpec(`${base()}/clip.mp4`, { preset: h264('ultrafast', 1) })
    const mounted = 'mkdir "$WORK_DIR" && mount -t tmpfs -o size=512k tmpfs "$WORK_DIR" && "$@"; ls -A "$WORK_DIR" >&2'
    const wrapper = ['unshare', '-rm', 'sh', '-c', mounted, 'sh']
    await using job = await start({ spec: bulky }, wrapper, { ALLOW_FILE_INPUT: 'true' })
    expect((await job.ended()).failure).toMatchObject({ code: 'ENOSPC', is_transient: true })
    expect(job.worker.lines.at(-1)).toContain('worker finished')
  })
})
