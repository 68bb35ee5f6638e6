/**
 * Joins stored segments into one file: each run's segments behind its initialization segment, and the runs by ffmpeg without
 * encoding. A decode to the end proves a file against the frames that it must have.
 */

import { open, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { RecordedRun } from '../../../shared/contract/live-files.ts'
import { saysDiskFull } from '../../platform/disk-full.ts'
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

/**
 * Joins the segments of runs into one file; returns its path.
 * @throws SegmentProblem, StoreError where the store cannot be read now, or an error for which `isDiskFull` holds
 */
export async function joinSegments(runs: readonly RecordedRun[], means: JoinMeans): Promise<string> {
  const paths: string[] = []
  for (const [i, run] of runs.entries()) paths.push(await joinRun(run, join(means.dir, `run-${i}.mp4`), means))
  return joinRuns(paths, runs, means)
}

/** Writes a run's initialization segment and segments into one file. */
async function joinRun({ init, prefix, segments }: RecordedRun, path: string, means: JoinMeans): Promise<string> {
  await using file = await open(path, 'w')
  await file.writeFile(await readStored(init, means))
  for (const { n, bytes } of segments) {
    const name = `${prefix}${n}.m4s`
    const read = await readStored(name, means)
    if (read.length !== bytes) {
      throw new SegmentProblem(`segment ${name} has ${read.length} bytes instead of ${bytes}`, name)
    }
    await file.writeFile(read)
  }
  return path
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

/** Joins the runs' files; returns the path of the whole. */
async function joinRuns(paths: readonly string[], runs: readonly RecordedRun[], means: JoinMeans): Promise<string> {
  const list = join(means.dir, 'runs.txt')
  const entries = paths.map((path, i) => `file '${path}'\nduration ${(runs[i]?.duration_sec ?? 0).toFixed(6)}\n`)
  await writeFile(list, `ffconcat version 1.0\n${entries.join('')}`)
  const output = join(means.dir, 'joined.mp4')
  const input = ['-nostdin', '-v', 'error', '-protocol_whitelist', 'file', '-f', 'concat', '-safe', '0', '-i', list]
  const result = await runFfmpeg([...input, '-map', '0', '-c', 'copy', '-movflags', '+faststart', '-y', output], means)
  for (const path of paths) await rm(path, { force: true })
  const reason = reasonOf(result)
  if (reason !== null) throw new SegmentProblem(`the segments cannot be joined: ${reason}`, null)
  return output
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
  const result = await runFfmpeg([...args, '-progress', 'pipe:1', '-f', 'null', '-'], means)
  const reason = reasonOf(result)
  if (reason !== null) return `${name} does not decode: ${reason}`
  const decoded = Number([...(result.kind === 'exited' ? result.stdout : '').matchAll(/^frame=\s*(\d+)/gm)].at(-1)?.[1])
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
