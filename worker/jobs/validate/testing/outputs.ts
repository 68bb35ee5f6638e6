import { cp, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { PATIENCE_MS } from '../../../../shared/testing/until.ts'
import type { ValidationResult } from '../../../../shared/contract/jobs.ts'
import { runProgram } from '../../../platform/run-program.ts'
import { finishManifests } from '../../manifests/finish-manifests.ts'
import type { OutputPlan, OutputSet } from '../../plan/output-plan.ts'
import { validateOutput, type ValidationRequest, type ValidationSettings } from '../validate-output.ts'

const signal = new AbortController().signal

/** A finished output in a folder of its own, which disposing removes. */
export type FinishedOutput = AsyncDisposable & { readonly plan: OutputPlan; readonly set: OutputSet }

/**
 * Writes the playlists and manifests of encoded media.
 * @throws where the media do not fit the plan
 */
export async function finishOutput({
  dir,
  plan,
}: {
  readonly dir: string
  readonly plan: OutputPlan
}): Promise<FinishedOutput> {
  const result = await finishManifests({ dir, plan, signal })
  if (result.kind === 'broken') throw new Error(result.issue.message)
  return { plan, set: result.set, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

/** Encodes a single file, `output.mp4`; `args` are ffmpeg's arguments without the output's name. */
export async function encodeFile(plan: OutputPlan, args: readonly string[]): Promise<FinishedOutput> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-file-'))
  await runFfmpeg(dir, [...args, 'output.mp4'])
  return finishOutput({ dir, plan })
}

/** Copies an output, so that a test can damage the copy. */
export async function copyOutput({ plan, set }: FinishedOutput): Promise<FinishedOutput> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-broken-'))
  await cp(set.dir, dir, { recursive: true })
  return { plan, set: { ...set, dir }, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

/**
 * Runs ffmpeg in a folder.
 * @throws where ffmpeg fails
 */
export async function runFfmpeg(dir: string, args: readonly string[]): Promise<void> {
  const run = { timeoutMs: PATIENCE_MS, signal, cwd: dir }
  const result = await runProgram('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args], run)
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(`ffmpeg failed: ${JSON.stringify(result)}`)
}

/** Replaces a file of an output by what ffmpeg makes of it; the argument `INPUT` stands for the file's name. */
export async function reencode({ set }: FinishedOutput, name: string, args: readonly string[]): Promise<void> {
  await runFfmpeg(set.dir, [...args.map((arg) => (arg === 'INPUT' ? name : arg)), `new-${name}`])
  await rename(join(set.dir, `new-${name}`), join(set.dir, name))
}

/**
 * Edits a playlist or manifest.
 * @throws where the edit changes nothing
 */
export async function editFile({ set }: FinishedOutput, name: string, edit: (text: string) => string): Promise<void> {
  const path = join(set.dir, name)
  const before = await readFile(path, 'utf8')
  const after = edit(before)
  if (after === before) throw new Error(`the edit of ${name} changed nothing: ${before}`)
  await writeFile(path, after)
}

/** Overwrites bytes of a file; the position is a share of the file's size. */
export async function overwriteBytes(
  { set }: FinishedOutput,
  name: string,
  share: number,
  bytes: Uint8Array,
): Promise<void> {
  await using file = await open(join(set.dir, name), 'r+')
  const { size } = await file.stat()
  await file.write(bytes, 0, bytes.length, Math.floor(size * share))
}

/** Exchanges the names of two files. */
export async function swapFiles({ set }: FinishedOutput, one: string, other: string): Promise<void> {
  const [a, b, temporary] = [one, other, 'temporary'].map((name) => join(set.dir, name)) as [string, string, string]
  await rename(a, temporary)
  await rename(b, a)
  await rename(temporary, b)
}

type ValidationChanges = Partial<ValidationSettings> &
  Partial<Pick<ValidationRequest, 'plan' | 'set' | 'preset' | 'tools' | 'signal'>>

/** Validates an output at level `standard` and depth `medium`, unless `changes` say otherwise. */
export function validate(output: FinishedOutput, changes: ValidationChanges = {}): Promise<ValidationResult> {
  const { level = 'standard', decodeTest = false, hlsDepth = 'medium', timeoutMs = PATIENCE_MS, ...rest } = changes
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

/** Returns the distinct findings of a validation: `E CODE FILE` for errors, `W CODE FILE` for warnings. */
export async function findingsOf(output: FinishedOutput, changes: ValidationChanges = {}): Promise<string[]> {
  const { errors, warnings } = await validate(output, changes)
  const lines = [
    ...errors.map(({ code, file }) => `E ${code} ${file}`),
    ...warnings.map(({ code, file }) => `W ${code} ${file}`),
  ]
  return [...new Set(lines)]
}
