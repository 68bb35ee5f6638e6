import { cp, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { ValidationResult } from '../../../../shared/contract/jobs.ts'
import { runProgram } from '../../../platform/run-program.ts'
import { finishManifests } from '../../manifests/finish-manifests.ts'
import type { OutputPlan, OutputSet } from '../../output-plan.ts'
import { validateOutput, type Validation, type ValidationSettings } from '../validate-output.ts'

const signal = new AbortController().signal

/** A finished output in a folder of its own, which goes when it is disposed of. */
export type MadeOutput = AsyncDisposable & { readonly plan: OutputPlan; readonly set: OutputSet }

/** Writes playlists and manifests to what ffmpeg has made. Throws where it is broken. */
export async function finished({
  dir,
  plan,
}: {
  readonly dir: string
  readonly plan: OutputPlan
}): Promise<MadeOutput> {
  const result = await finishManifests({ dir, plan, signal })
  if (result.kind === 'broken') throw new Error(result.issue.message)
  return { plan, set: result.set, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

/** Makes one file, `output.mp4`, by ffmpeg's arguments up to its name. */
export async function makeFile(plan: OutputPlan, args: readonly string[]): Promise<MadeOutput> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-file-'))
  await ffmpeg(dir, [...args, 'output.mp4'])
  return finished({ dir, plan })
}

/** The same output again, to be broken. */
export async function copyOf({ plan, set }: MadeOutput): Promise<MadeOutput> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-broken-'))
  await cp(set.dir, dir, { recursive: true })
  return { plan, set: { ...set, dir }, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

/** Runs ffmpeg in a folder. Throws where it fails. */
export async function ffmpeg(dir: string, args: readonly string[]): Promise<void> {
  const run = { timeoutMs: 60_000, signal, cwd: dir }
  const result = await runProgram('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args], run)
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(`ffmpeg failed: ${JSON.stringify(result)}`)
}

/** Makes a file of an output anew from itself, which the arguments call `INPUT`. */
export async function remake({ set }: MadeOutput, name: string, args: readonly string[]): Promise<void> {
  await ffmpeg(set.dir, [...args.map((arg) => (arg === 'INPUT' ? name : arg)), `new-${name}`])
  await rename(join(set.dir, `new-${name}`), join(set.dir, name))
}

/** Changes a playlist or manifest. Throws where that changes nothing. */
export async function edit({ set }: MadeOutput, name: string, change: (text: string) => string): Promise<void> {
  const path = join(set.dir, name)
  const before = await readFile(path, 'utf8')
  const after = change(before)
  if (after === before) throw new Error(`${name} is as it was: ${before}`)
  await writeFile(path, after)
}

/** Overwrites bytes of a file from a place that is given as a share of its size. */
export async function overwrite({ set }: MadeOutput, name: string, share: number, bytes: Uint8Array): Promise<void> {
  await using file = await open(join(set.dir, name), 'r+')
  const { size } = await file.stat()
  await file.write(bytes, 0, bytes.length, Math.floor(size * share))
}

/** Lets two files have each other's name. */
export async function swap({ set }: MadeOutput, one: string, other: string): Promise<void> {
  const [a, b, aside] = [one, other, 'aside'].map((name) => join(set.dir, name)) as [string, string, string]
  await rename(a, aside)
  await rename(b, a)
  await rename(aside, b)
}

type Changes = Partial<ValidationSettings> & Partial<Pick<Validation, 'plan' | 'set' | 'preset' | 'tools' | 'signal'>>

/** Validates an output at `standard` and `medium`, or as `changes` say. */
export function validate(output: MadeOutput, changes: Changes = {}): Promise<ValidationResult> {
  const { level = 'standard', decodeTest = false, hlsDepth = 'medium', timeoutMs = 20_000, ...rest } = changes
  return validateOutput({
    plan: output.plan,
    set: output.set,
    signal,
    retryPauseMs: 1,
    preset: { audio: output.plan.audio === null ? null : { codec: 'aac', kbps: output.plan.audio.kbps } },
    tools: { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' },
    ...rest,
    settings: { level, decodeTest, hlsDepth, timeoutMs },
  })
}

/** What was found, each code and file once: `E` before errors, `W` before warnings. */
export async function findingsOf(output: MadeOutput, changes: Changes = {}): Promise<string[]> {
  const { errors, warnings } = await validate(output, changes)
  const lines = [
    ...errors.map(({ code, file }) => `E ${code} ${file}`),
    ...warnings.map(({ code, file }) => `W ${code} ${file}`),
  ]
  return [...new Set(lines)]
}
