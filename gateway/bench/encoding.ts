import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'

import * as v from 'valibot'

import { PublicJob } from '../jobs/present.ts'
import { findEncoderPids, findWorkerPids } from '../testing/find-processes.ts'
import { readCpuSec, readTreeCpuSec } from './cpu.ts'
import type { BenchResult } from './result-table.ts'
import { startBenchSystem, type BenchSystem } from './system.ts'

const CLIP_SEC = 60
const PROCESS_POLL_MS = 100
/** Interval of the status requests for a job. */
const JOB_POLL_MS = 500
const PRESET = '720p_h264'
/** Where the run that decodes the sound writes it. */
const SOUND_PIPE = 'pipe:3'

/** Measures a job against the same ffmpeg command by hand, its other phases, and two workers against one. */
export async function benchEncoding(): Promise<BenchResult[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-bench-'))
  try {
    const clip = await makeClip(join(dir, 'clip.mp4'))
    return [...(await benchJob(dir, clip)), ...(await benchChunks(dir, clip))]
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Makes a one-minute clip of average complexity: a moving test picture with some noise, and a tone. */
async function makeClip(path: string): Promise<string> {
  const picture = `testsrc2=s=640x360:r=25:d=${CLIP_SEC},noise=alls=8:allf=t`
  const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', `sine=440:d=${CLIP_SEC}`]
  await run('ffmpeg', [
    '-nostdin',
    '-v',
    'error',
    ...inputs,
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-c:a',
    'aac',
    path,
  ])
  return path
}

/** Runs a program; not synchronously, for this process would not see that the gateway closes an idle connection. */
async function run(program: string, args: readonly string[], cwd?: string): Promise<void> {
  await promisify(execFile)(program, args, cwd === undefined ? {} : { cwd })
}

type RunCost = { readonly wallSec: number; readonly cpuSec: number }

async function benchJob(dir: string, clip: string): Promise<BenchResult[]> {
  await using system = await startBenchSystem({ env: { ...buildSettings(dir), MAX_ENCODE_WORKERS: '1' } })
  const encodeJob = async (path: string) => {
    const id = await createJob(system, clip, { output: { storage: 'local', path } })
    const usage = await measureEncoder(id)
    const { phases } = await waitForCompletion(system, id)
    return { ...usage, phases, wallSec: (phases['encode'] ?? 0) / 1000 }
  }
  // Each variant runs first and last once, because the machine gets warmer or busier over time.
  const first = await encodeJob('first.mp4')
  const byHand = [
    await runByHand(first.commands, join(dir, 'by-hand-1')),
    await runByHand(first.commands, join(dir, 'by-hand-2')),
  ]
  const jobs = [first, await encodeJob('second.mp4')]
  const besides = ['fetch', 'finish', 'validate', 'store'].map((phase) => {
    return { phase, sec: mean(jobs.map(({ phases }) => (phases[phase] ?? 0) / 1000)) }
  })
  const besidesSec = besides.reduce((sum, { sec }) => sum + sec, 0)
  const soundSec = mean(jobs.map((job) => job.soundSec))
  const wallOf = (runs: readonly RunCost[]) => mean(runs.map(({ wallSec }) => wallSec))
  const cpuOf = (runs: readonly RunCost[]) => mean(runs.map((one) => one.cpuSec))
  return [
    {
      name: `wall of encoding a ${CLIP_SEC} s clip as a job, mean of two`,
      ours: `${wallOf(jobs).toFixed(2)} s`,
      compared: `the same two runs of ffmpeg by hand: ${wallOf(byHand).toFixed(2)} s`,
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
      name: 'of it, decoding the sound in a run of its own',
      ours: `${soundSec.toFixed(2)} s`,
      compared: `all of it: ${cpuOf(jobs).toFixed(2)} s`,
      ratio: soundSec / cpuOf(jobs),
      goal: 'listed',
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

/** Measures two chunk workers against one, each bound to a free one of two cores, like Pods of one core. */
async function benchChunks(dir: string, clip: string): Promise<BenchResult[]> {
  const ffmpeg = join(dir, 'ffmpeg-on-one-core')
  const core = (n: number) =>
    `exec ${8 + n}>"${dir}/core-${n}"; flock -n ${8 + n} && exec taskset -c ${n} ffmpeg "$@"\n`
  await writeFile(ffmpeg, `#!/bin/bash\n${core(0)}exec 8>&-\n${core(1)}exec ffmpeg "$@"\n`)
  await chmod(ffmpeg, 0o755)
  const wallOf = async (workers: number, chunks: number) => {
    const env = { ...buildSettings(dir), FFMPEG_PATH: ffmpeg, MAX_ENCODE_WORKERS: String(workers) }
    await using system = await startBenchSystem({ env })
    const startedMs = performance.now()
    await waitForCompletion(system, await createJob(system, clip, { chunks }))
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

function buildSettings(dir: string): Record<string, string> {
  const [storage, work] = [join(dir, 'media'), join(dir, 'work')]
  return { STORAGE_DIR: storage, WORK_DIR: work, ALLOW_FILE_INPUT: 'true', LOG_LEVEL: 'info' }
}

async function createJob(system: BenchSystem, clip: string, more: object): Promise<string> {
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

/** Resolves once the job is completed, with the durations of its phases where it had one task. */
async function waitForCompletion(system: BenchSystem, id: string): Promise<{ readonly phases: Phases }> {
  for (;;) {
    const job = v.parse(PublicJob, await system.call('GET', `/api/v1/jobs/${id}`))
    if (job.status === 'failed') throw new Error(`the job failed: ${JSON.stringify(job.error)}`)
    if (job.status === 'completed') break
    await wait(JOB_POLL_MS)
  }
  const taskEnded = system.lastLines.map((line) => v.safeParse(TaskEnded, line)).findLast(({ success }) => success)
  return { phases: taskEnded?.success === true ? taskEnded.output.phases_ms : {} }
}

/** The two runs of ffmpeg of a job, of which the first one decodes the sound for the other. */
type EncoderCommands = { readonly sound: readonly string[]; readonly encoder: readonly string[] }
type EncoderUsage = { readonly commands: EncoderCommands; readonly cpuSec: number; readonly soundSec: number }

/** Measures the CPU time of a job's worker and of its two runs of ffmpeg while the encoder runs. */
async function measureEncoder(id: string): Promise<EncoderUsage> {
  const { worker, encoder, sound, commands } = await findEncoder(id)
  const workerFromSec = readCpuSec(worker)
  let [encoderSec, soundSec, workerSec] = [0, 0, 0]
  for (let sec = readCpuSec(encoder); sec > 0 || encoderSec === 0; sec = readCpuSec(encoder)) {
    encoderSec = sec
    // The sound ends before the picture.
    soundSec = Math.max(soundSec, readCpuSec(sound))
    workerSec = readCpuSec(worker) - workerFromSec
    await wait(PROCESS_POLL_MS)
  }
  return { commands, soundSec, cpuSec: encoderSec + soundSec + workerSec }
}

/** Finds the encoder, which reports progress, and the run that decodes its sound; others of a job are short. */
async function findEncoder(id: string) {
  for (;;) {
    const [worker] = findWorkerPids(id)
    const pids = worker === undefined ? [] : findEncoderPids(worker)
    const runs = await Promise.all(pids.map(async (pid) => ({ pid, command: await readCommand(pid) })))
    const encoder = runs.find(({ command }) => command.includes('-progress'))
    const sound = runs.find(({ command }) => command.includes(SOUND_PIPE))
    if (worker !== undefined && encoder !== undefined && sound !== undefined) {
      const commands = { sound: sound.command, encoder: encoder.command }
      return { worker, encoder: encoder.pid, sound: sound.pid, commands }
    }
    await wait(PROCESS_POLL_MS)
  }
}

async function readCommand(pid: number): Promise<readonly string[]> {
  const cmdline = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return cmdline.split('\0').slice(0, -1)
}

/** Runs the commands of a job in a shell, the decoded sound piped to the encoder. */
async function runByHand({ sound, encoder }: EncoderCommands, cwd: string): Promise<RunCost> {
  mkdirSync(cwd, { recursive: true })
  const [startedMs, startCpuSec] = [performance.now(), readTreeCpuSec(process.pid)]
  const ownBeforeSec = readCpuSec(process.pid)
  await run('bash', ['-c', `${quote(sound)} 3>&1 | ${quote(encoder)}`], cwd)
  const ownSec = readCpuSec(process.pid) - ownBeforeSec
  return {
    wallSec: (performance.now() - startedMs) / 1000,
    cpuSec: readTreeCpuSec(process.pid) - startCpuSec - ownSec,
  }
}

/** Quotes a command for a shell. */
function quote(command: readonly string[]): string {
  return command.map((part) => `'${part.replaceAll("'", String.raw`'\''`)}'`).join(' ')
}
