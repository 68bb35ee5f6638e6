/**
 * Joins stored segments into one file: each run's segments behind its initialization segment, and the runs by ffmpeg without
 * encoding. Runs without sound get silence where others have sound: ffmpeg joins the tracks of the first run only. A decode to
 * the end proves a file against the frames that it must have.
 */

import { open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { RecordedRun } from '../../../shared/contract/live-files.ts'
import { saysDiskFull } from '../../platform/disk-full.ts'
import { readInitSegment } from '../package/init-segment.ts'
import { VIDEO_TIMESCALE } from '../plan/encoder-arguments.ts'
import { runProgram, type ProgramResult } from '../../platform/run-program.ts'
import { StoreError, throwIfAborted, type Store } from '../../stores/store.ts'

/** What segments are joined with. */
export type JoinMeans = {
  readonly store: Store
  /** Folder for the files meanwhile. */
  readonly dir: string
  readonly ffmpegPath: string
  readonly signal: AbortSignal
}

/** A segment is missing or differs from what was stored; `key` is its path. */
export class SegmentProblem extends Error {
  readonly key: string | null
  constructor(message: string, key: string | null) {
    super(message)
    this.key = key
  }
}

/** A recording of twelve hours is copied and decoded in far less time. */
const FFMPEG_TIMEOUT_MS = 6 * 3_600_000
const PROGRESS = ['-progress', 'pipe:1']
/** Runs do not end with a whole frame of sound, and begin with the delay of its encoder. */
const SOUND_TOLERANCE_SEC = 0.5

/**
 * Joins the segments of runs into one file; returns its path.
 * @throws SegmentProblem, StoreError where the store cannot be read now, or an error for which `isDiskFull` holds
 */
export async function joinSegments(runs: readonly RecordedRun[], means: JoinMeans): Promise<string> {
  const joined: JoinedRun[] = []
  for (const [i, run] of runs.entries()) joined.push(await joinRun(run, join(means.dir, `run-${i}.mp4`), means))
  const isHeard = joined.some(({ hasSound }) => hasSound)
  if (isHeard) for (const run of joined) if (!run.hasSound) await addSilence(run, means)
  const soundSec = isHeard ? await expectSound(joined, means) : 0
  const path = await joinRuns(joined, means)
  if (isHeard) await proveSound(path, soundSec, means)
  return path
}

/** The file of a run. */
type JoinedRun = { readonly path: string; readonly durationSec: number; readonly hasSound: boolean }

/** Writes a run's initialization segment and segments into one file. */
async function joinRun(run: RecordedRun, path: string, means: JoinMeans): Promise<JoinedRun> {
  const { init, prefix, segments, duration_sec: durationSec } = run
  await using file = await open(path, 'w')
  const header = await readStored(init, means)
  await file.writeFile(header)
  for (const { n, bytes } of segments) {
    const name = `${prefix}${n}.m4s`
    const read = await readStored(name, means)
    if (read.length !== bytes) {
      throw new SegmentProblem(`segment ${name} has ${read.length} bytes instead of ${bytes}`, name)
    }
    await file.writeFile(read)
  }
  return { path, durationSec, hasSound: hasSoundTrack(header, init) }
}

function hasSoundTrack(header: Buffer, key: string): boolean {
  try {
    return readInitSegment([header]).tracks.some(({ isVideo }) => !isVideo)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new SegmentProblem(`${key} is damaged: it ${error.message}`, null)
  }
}

async function readStored(key: string, { store, dir, signal }: JoinMeans): Promise<Buffer> {
  const path = join(dir, 'piece')
  try {
    await store.get(key, path, signal)
    return await readFile(path)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'STORE_NOT_FOUND') {
      throw new SegmentProblem(`${key} is missing`, key)
    }
    throw error
  } finally {
    await rm(path, { force: true })
  }
}

/** Adds a silent track to the file of a run, like those that the encoder of a broadcast writes. */
async function addSilence({ path, durationSec }: JoinedRun, means: JoinMeans): Promise<void> {
  const output = `${path}.silent.mp4`
  const args = [
    ['-nostdin', '-v', 'error', '-protocol_whitelist', 'file', '-i', path],
    ['-f', 'lavfi', '-t', durationSec.toFixed(6), '-i', 'anullsrc=r=48000:cl=stereo', '-map', '0:v', '-map', '1:a'],
    // The clocks of the tracks are those of the other runs.
    ['-c:v', 'copy', '-c:a', 'aac', '-video_track_timescale', String(VIDEO_TIMESCALE), '-y', output],
  ]
  const reason = reasonOf(await runFfmpeg(args.flat(), means))
  if (reason !== null) throw new SegmentProblem(`the segments cannot be joined: ${reason}`, null)
  await rename(output, path)
}

/** Joins the runs' files; returns the path of the whole. */
async function joinRuns(runs: readonly JoinedRun[], means: JoinMeans): Promise<string> {
  const list = join(means.dir, 'runs.txt')
  const entries = runs.map(({ path, durationSec }) => `file '${path}'\nduration ${durationSec.toFixed(6)}\n`)
  await writeFile(list, `ffconcat version 1.0\n${entries.join('')}`)
  const output = join(means.dir, 'joined.mp4')
  const input = ['-nostdin', '-v', 'error', '-protocol_whitelist', 'file', '-f', 'concat', '-safe', '0', '-i', list]
  const result = await runFfmpeg([...input, '-map', '0', '-c', 'copy', '-movflags', '+faststart', '-y', output], means)
  for (const { path } of runs) await rm(path, { force: true })
  const reason = reasonOf(result)
  if (reason !== null) throw new SegmentProblem(`the segments cannot be joined: ${reason}`, null)
  return output
}

/** Returns how long the sound of the joined runs lasts, in seconds. The encoder of the last one may have stopped sending it. */
async function expectSound(runs: readonly JoinedRun[], means: JoinMeans): Promise<number> {
  const beforeSec = runs.slice(0, -1).reduce((sum, { durationSec }) => sum + durationSec, 0)
  const last = runs.at(-1)
  const lastSec = last === undefined ? 0 : await measureSound(last.path, means)
  return lastSec === 0 ? 0 : beforeSec + lastSec
}

/**
 * Proves how long the sound of a file lasts.
 * @throws SegmentProblem
 */
async function proveSound(path: string, wantedSec: number, means: JoinMeans): Promise<void> {
  const soundSec = await measureSound(path, means)
  if (soundSec >= wantedSec - SOUND_TOLERANCE_SEC) return
  throw new SegmentProblem(`the sound has ${soundSec.toFixed(1)} s instead of ${wantedSec.toFixed(1)} s`, null)
}

/** Returns when the sound of a file ends, in seconds; 0: it has none. */
async function measureSound(path: string, means: JoinMeans): Promise<number> {
  const input = ['-nostdin', '-v', 'error', '-protocol_whitelist', 'file', '-i', path]
  const result = await runFfmpeg([...input, '-map', '0:a', '-c', 'copy', ...PROGRESS, '-f', 'null', '-'], means)
  const reason = reasonOf(result)
  if (reason !== null) throw new SegmentProblem(`the sound cannot be joined: ${reason}`, null)
  return (readProgress(result, 'out_time_us') ?? 0) / 1e6
}

/** Returns the last number that ffmpeg's progress has under a name; `null`: none. */
function readProgress(result: ProgramResult, name: string): number | null {
  const lines = (result.kind === 'exited' ? result.stdout : '').split('\n')
  const last = lines.findLast((line) => line.startsWith(`${name}=`))
  const value = Number(last?.slice(name.length + 1))
  return Number.isNaN(value) ? null : value
}

/** Decodes a file to its end; returns what is wrong with it, or `null`. `name` is what it is: `the recording`. */
export async function findFrameProblem(
  path: string,
  { name, frames }: { readonly name: string; readonly frames: number },
  means: JoinMeans,
): Promise<string | null> {
  const args = [
    '-nostdin',
    '-v',
    'error',
    '-xerror',
    '-err_detect',
    'explode',
    '-protocol_whitelist',
    'file',
    '-i',
    path,
    '-map',
    '0',
    '-fps_mode',
    'passthrough',
  ]
  const result = await runFfmpeg([...args, ...PROGRESS, '-f', 'null', '-'], means)
  const reason = reasonOf(result)
  if (reason !== null) return `${name} does not decode: ${reason}`
  const decoded = readProgress(result, 'frame')
  return decoded === frames ? null : `${name} has ${decoded} frames instead of ${frames}`
}

/**
 * Runs ffmpeg on files of this machine.
 * @throws StoreError `ABORTED` and `ENOSPC`: a worker that must stop, or has no space, proves nothing about the segments
 */
export async function runFfmpeg(
  args: readonly string[],
  { ffmpegPath, signal }: Pick<JoinMeans, 'ffmpegPath' | 'signal'>,
): Promise<ProgramResult> {
  const result = await runProgram(ffmpegPath, args, { timeoutMs: FFMPEG_TIMEOUT_MS, signal })
  throwIfAborted(signal)
  if (result.kind === 'exited' && saysDiskFull(result.stderr)) {
    throw new StoreError('ENOSPC', 'the disk of the worker is full')
  }
  return result
}

/** Returns why ffmpeg failed, in its own words; `null` where it did not. */
export function reasonOf(result: ProgramResult): string | null {
  if (result.kind !== 'exited') return `ffmpeg was ${result.kind}`
  const lines = result.stderr.trim().split('\n')
  // A clean decode writes nothing.
  return result.code === 0 && result.stderr.trim() === ''
    ? null
    : (lines[0] ?? `exit code ${result.code}`).slice(0, 200)
}
