import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import * as v from 'valibot'

import { PublicJob } from '../../jobs/present.ts'
import { encoderPids, workerPids } from '../processes.ts'
import { cpuSec, treeCpuSec } from './cpu.ts'
import type { Row } from './row.ts'
import { startSystem, type BenchSystem } from './system.ts'

const CLIP_SEC = 60
const POLL_MS = 100
/** How often a job is asked for. */
const SELDOM_MS = 500
const PRESET = '720p_h264'

/** A job's encoding beside the same ffmpeg run by hand, what a job does besides, and two workers beside one. */
export async function benchEncoding(): Promise<Row[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-bench-'))
  try {
    const clip = makeClip(join(dir, 'clip.mp4'))
    return [...(await benchJob(dir, clip)), ...(await benchChunks(dir, clip))]
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** A minute that is neither easy nor hard: a moving test picture with some noise, and a tone. */
function makeClip(path: string): string {
  const picture = `testsrc2=s=640x360:r=25:d=${CLIP_SEC},noise=alls=8:allf=t`
  const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', `sine=440:d=${CLIP_SEC}`]
  run('ffmpeg', ['-nostdin', '-v', 'error', ...inputs, '-c:v', 'libx264', '-preset', 'veryfast', '-c:a', 'aac', path])
  return path
}

function run(program: string, args: readonly string[], cwd?: string): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', ...(cwd === undefined ? {} : { cwd }) })
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`)
}

type Measured = { readonly wallSec: number; readonly cpuSec: number }

async function benchJob(dir: string, clip: string): Promise<Row[]> {
  await using system = await startSystem({ env: { ...settingsIn(dir), MAX_ENCODE_WORKERS: '1' } })
  const encodeJob = async (path: string) => {
    const id = await post(system, clip, { output: { storage: 'local', path } })
    const seen = await watchEncoder(id)
    const { phases } = await finished(system, id)
    return { ...seen, phases, wallSec: (phases['encode'] ?? 0) / 1000 }
  }
  // What comes later has a warmer machine, or a busier one: each is first once, and last.
  const first = await encodeJob('first.mp4')
  const byHand = [1, 2].map((n) => runByHand(first.command, join(dir, `by-hand-${n}`)))
  const jobs = [first, await encodeJob('second.mp4')]
  const besides = ['fetch', 'finish', 'validate', 'store'].map((phase) => {
    return { phase, sec: mean(jobs.map(({ phases }) => (phases[phase] ?? 0) / 1000)) }
  })
  const besidesSec = besides.reduce((sum, { sec }) => sum + sec, 0)
  const wallOf = (runs: readonly Measured[]) => mean(runs.map(({ wallSec }) => wallSec))
  const cpuOf = (runs: readonly Measured[]) => mean(runs.map((one) => one.cpuSec))
  return [
    {
      name: `wall of encoding a ${CLIP_SEC} s clip as a job, mean of two`,
      ours: `${wallOf(jobs).toFixed(2)} s`,
      compared: `the same ffmpeg by hand: ${wallOf(byHand).toFixed(2)} s`,
      ratio: wallOf(jobs) / wallOf(byHand),
      goal: '≤ 1.03',
    },
    {
      name: 'CPU of it, worker and ffmpeg',
      ours: `${cpuOf(jobs).toFixed(2)} s`,
      compared: `by hand: ${cpuOf(byHand).toFixed(2)} s`,
      ratio: cpuOf(jobs) / cpuOf(byHand),
      goal: '≤ 1.03',
    },
    {
      name: `besides (${besides.map(({ phase, sec }) => `${phase} ${sec.toFixed(2)}`).join(', ')})`,
      ours: `${besidesSec.toFixed(2)} s`,
      compared: `its encoding: ${wallOf(jobs).toFixed(2)} s`,
      ratio: besidesSec / wallOf(jobs),
      goal: 'listed',
    },
  ]
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Workers as Pods of one core each: whichever of two is free. */
async function benchChunks(dir: string, clip: string): Promise<Row[]> {
  const ffmpeg = join(dir, 'ffmpeg-on-one-core')
  const core = (n: number) =>
    `exec ${8 + n}>"${dir}/core-${n}"; flock -n ${8 + n} && exec taskset -c ${n} ffmpeg "$@"\n`
  await writeFile(ffmpeg, `#!/bin/bash\n${core(0)}exec 8>&-\n${core(1)}exec ffmpeg "$@"\n`)
  await chmod(ffmpeg, 0o755)
  const wallOf = async (workers: number, chunks: number) => {
    const env = { ...settingsIn(dir), FFMPEG_PATH: ffmpeg, MAX_ENCODE_WORKERS: String(workers) }
    await using system = await startSystem({ env })
    const startedMs = performance.now()
    await finished(system, await post(system, clip, { chunks }))
    return (performance.now() - startedMs) / 1000
  }
  const one = await wallOf(1, 1)
  const two = await wallOf(2, 2)
  return [
    {
      name: `a ${CLIP_SEC} s job in 2 chunks on 2 Pods of one core`,
      ours: `${two.toFixed(1)} s`,
      compared: `whole, on one: ${one.toFixed(1)} s`,
      ratio: two / one,
      goal: 'lower',
    },
  ]
}

function settingsIn(dir: string): Record<string, string> {
  const [storage, work] = [join(dir, 'media'), join(dir, 'work')]
  return { STORAGE_DIR: storage, WORK_DIR: work, ALLOW_FILE_INPUT: 'true', LOG_LEVEL: 'info' }
}

async function post(system: BenchSystem, clip: string, more: object): Promise<string> {
  const output = { storage: 'local', path: 'bench/clip.mp4' }
  const made = await system.call('POST', '/api/v1/jobs', {
    input_url: `file://${clip}`,
    preset: PRESET,
    output,
    ...more,
  })
  return v.parse(v.object({ job_id: v.string() }), made).job_id
}

type Phases = Readonly<Record<string, number>>
const TaskEnded = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ message: v.literal('task ended'), phases_ms: v.record(v.string(), v.number()) }),
)

/** Resolves once the job is completed, with how long its phases took where it was done in one piece. */
async function finished(system: BenchSystem, id: string): Promise<{ readonly phases: Phases }> {
  for (;;) {
    const job = v.parse(PublicJob, await system.call('GET', `/api/v1/jobs/${id}`))
    if (job.status === 'failed') throw new Error(`the job failed: ${JSON.stringify(job.error)}`)
    if (job.status === 'completed') break
    await wait(SELDOM_MS)
  }
  const told = system.lastLines.map((line) => v.safeParse(TaskEnded, line)).findLast(({ success }) => success)
  return { phases: told?.success === true ? told.output.phases_ms : {} }
}

type Seen = { readonly command: readonly string[]; readonly cpuSec: number }

/** What the encoder of a job and its worker use while it runs, and the command that it is. Looking costs little. */
async function watchEncoder(id: string): Promise<Seen> {
  const { worker, encoder, command } = await findEncoder(id)
  const workerFromSec = cpuSec(worker)
  let [encoderSec, workerSec] = [0, 0]
  for (let sec = cpuSec(encoder); sec > 0 || encoderSec === 0; sec = cpuSec(encoder)) {
    encoderSec = sec
    workerSec = cpuSec(worker) - workerFromSec
    await wait(POLL_MS)
  }
  return { command, cpuSec: encoderSec + workerSec }
}

/** The one that reports its progress; others are short. */
async function findEncoder(id: string) {
  for (;;) {
    const [worker] = workerPids(id)
    const [encoder] = worker === undefined ? [] : encoderPids(worker)
    const command = encoder === undefined ? [] : await commandOf(encoder)
    if (worker !== undefined && encoder !== undefined && command.includes('-progress'))
      return { worker, encoder, command }
    await wait(POLL_MS)
  }
}

async function commandOf(pid: number): Promise<readonly string[]> {
  const cmdline = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return cmdline.split('\0').slice(0, -1)
}

function runByHand([program = 'ffmpeg', ...args]: readonly string[], cwd: string): Measured {
  mkdirSync(cwd, { recursive: true })
  const [startedMs, startCpuSec] = [performance.now(), treeCpuSec(process.pid)]
  const ownBeforeSec = cpuSec(process.pid)
  run(program, args, cwd)
  const ownSec = cpuSec(process.pid) - ownBeforeSec
  return {
    wallSec: (performance.now() - startedMs) / 1000,
    cpuSec: treeCpuSec(process.pid) - startCpuSec - ownSec,
  }
}
