/**
 * Makes the file of a recording: each run's segments are joined behind its initialization segment, the runs are joined by
 * ffmpeg without encoding, and the result is decoded to its end. Its frames must be those of the segments.
 */

import { createWriteStream } from 'node:fs'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { once } from 'node:events'

import type { ArchiveOrder, RecordedRun } from '../../../shared/contract/live-files.ts'
import { runProgram, type ProgramResult } from '../../platform/run-program.ts'
import { StoreError, type Store } from '../../stores/store.ts'

/** What a recording is made with. */
export type RecordingMeans = {
  readonly store: Store
  /** Folder for the files meanwhile. */
  readonly dir: string
  readonly ffmpegPath: string
  readonly signal: AbortSignal
}

/** The file of a recording, or why there is none. */
export type Recording =
  | { readonly kind: 'ok'; readonly path: string; readonly bytes: number }
  | { readonly kind: 'failed'; readonly reason: string; readonly missing: readonly string[] }

/** A segment is missing or differs from what was stored; `key` is its path. */
class SegmentProblem extends Error {
  readonly key: string | null
  constructor(message: string, key: string | null) {
    super(message)
    this.key = key
  }
}

/** Missing segments that are reported: a report is limited to 64 KiB. */
const MOST_MISSING = 500

/** A recording of twelve hours is copied and decoded in far less time. */
const FFMPEG_TIMEOUT_MS = 6 * 3_600_000

/**
 * Makes the file of a recording and proves it.
 * @throws StoreError where the store cannot be read now
 */
export async function makeRecording(order: ArchiveOrder, means: RecordingMeans): Promise<Recording> {
  try {
    const runs: string[] = []
    for (const [i, run] of order.runs.entries()) runs.push(await joinRun(run, join(means.dir, `run-${i}.mp4`), means))
    const path = await joinRuns(runs, order, means)
    const problem = await findProblem(path, order.frames, means)
    if (problem !== null) return { kind: 'failed', reason: problem, missing: [] }
    return { kind: 'ok', path, bytes: (await stat(path)).size }
  } catch (error) {
    if (!(error instanceof SegmentProblem)) throw error
    return { kind: 'failed', reason: error.message, missing: await listMissing(order, error.key, means) }
  }
}

/** Returns the segments that are not in the store, and `incomplete`, which is there. */
async function listMissing(
  { runs }: ArchiveOrder,
  incomplete: string | null,
  { store, signal }: RecordingMeans,
): Promise<readonly string[]> {
  const missing: string[] = []
  for (const prefix of new Set(runs.map((run) => run.prefix))) {
    const stored = new Set(await store.list(prefix, signal))
    const wanted = runs.filter((run) => run.prefix === prefix).flatMap(({ segments }) => segments)
    const keys = wanted.map(({ n }) => `${prefix}${n}.m4s`)
    missing.push(...keys.filter((key) => key === incomplete || !stored.has(key)))
  }
  return missing.slice(0, MOST_MISSING)
}

/** Writes a run's initialization segment and segments into one file. */
async function joinRun({ init, prefix, segments }: RecordedRun, path: string, means: RecordingMeans): Promise<string> {
  const file = createWriteStream(path)
  const append = async (bytes: Buffer) => {
    if (!file.write(bytes)) await once(file, 'drain', { signal: means.signal })
  }
  await append(await readStored(init, means))
  for (const { n, bytes } of segments) {
    const name = `${prefix}${n}.m4s`
    const read = await readStored(name, means)
    if (read.length !== bytes) {
      throw new SegmentProblem(`segment ${name} has ${read.length} bytes instead of ${bytes}`, name)
    }
    await append(read)
  }
  file.end()
  await once(file, 'finish')
  return path
}

async function readStored(key: string, { store, dir, signal }: RecordingMeans): Promise<Buffer> {
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
async function joinRuns(paths: readonly string[], { runs }: ArchiveOrder, means: RecordingMeans): Promise<string> {
  const list = join(means.dir, 'runs.txt')
  const entries = paths.map((path, i) => `file '${path}'\nduration ${(runs[i]?.duration_sec ?? 0).toFixed(6)}\n`)
  await writeFile(list, `ffconcat version 1.0\n${entries.join('')}`)
  const output = join(means.dir, 'recording.mp4')
  const input = ['-nostdin', '-v', 'error', '-protocol_whitelist', 'file', '-f', 'concat', '-safe', '0', '-i', list]
  const result = await runFfmpeg([...input, '-map', '0', '-c', 'copy', '-movflags', '+faststart', '-y', output], means)
  for (const path of paths) await rm(path, { force: true })
  const reason = reasonOf(result)
  if (reason !== null) throw new SegmentProblem(`the segments cannot be joined: ${reason}`, null)
  return output
}

/** Decodes a file to its end; returns what is wrong with it, or `null`. */
async function findProblem(path: string, frames: number, means: RecordingMeans): Promise<string | null> {
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
  if (reason !== null) return `the recording does not decode: ${reason}`
  const decoded = Number([...(result.kind === 'exited' ? result.stdout : '').matchAll(/^frame=\s*(\d+)/gm)].at(-1)?.[1])
  return decoded === frames ? null : `the recording has ${decoded} frames instead of ${frames}`
}

function runFfmpeg(args: readonly string[], { ffmpegPath, signal }: RecordingMeans): Promise<ProgramResult> {
  return runProgram(ffmpegPath, args, { timeoutMs: FFMPEG_TIMEOUT_MS, signal })
}

/** Returns why ffmpeg failed, in its own words; `null` where it did not. */
function reasonOf(result: ProgramResult): string | null {
  if (result.kind !== 'exited') return `ffmpeg was ${result.kind}`
  const lines = result.stderr.trim().split('\n')
  // A clean decode writes nothing.
  return result.code === 0 && result.stderr.trim() === ''
    ? null
    : (lines[0] ?? `exit code ${result.code}`).slice(0, 200)
}
