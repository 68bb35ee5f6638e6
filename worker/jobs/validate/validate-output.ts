import type { ValidationResult } from '../../../shared/contract/jobs.ts'
import type { Preset } from '../../../shared/contract/presets.ts'
import type { OutputPlan, OutputSet } from '../output-plan.ts'
import type { Environment, ValidationSettings } from './environment.ts'
import { checkFiles, readSizes } from './files.ts'
import { type Finding, toResult } from './findings.ts'
import { checkEntry, checkSegmentedSet } from './segmented-set.ts'
import { checkSingleFile } from './single-file.ts'
import { checkSilence } from './tracks.ts'

export type { ValidationSettings } from './environment.ts'

/** A failed ffprobe is tried again after so long. */
const RETRY_PAUSE_MS = 5000

export type Validation = {
  readonly plan: OutputPlan
  readonly preset: Pick<Preset, 'audio'>
  readonly set: OutputSet
  readonly settings: ValidationSettings
  readonly tools: { readonly ffmpegPath: string; readonly ffprobePath: string }
  readonly signal: AbortSignal
  readonly retryPauseMs?: number
}

/**
 * Holds what was made against what was planned, before any of it is stored. `minimal`: the files are there, and ffprobe
 * finds the tracks. `standard`: they are what the plan says in codec, size, length and bit rate, and playlists and
 * segments are true, as deep as `hlsDepth` says. `strict`: every segment, and a full decode. Whatever is wrong with the
 * output is in the result; throws only where the signal aborts.
 */
export async function validateOutput({
  preset,
  settings,
  retryPauseMs,
  ...rest
}: Validation): Promise<ValidationResult> {
  const startedMs = performance.now()
  const isStrict = settings.level === 'strict'
  const environment: Environment = {
    ...rest,
    settings: isStrict ? { ...settings, decodeTest: true, hlsDepth: 'full' } : settings,
    retryPauseMs: retryPauseMs ?? RETRY_PAUSE_MS,
    sizes: await readSizes(rest.set),
  }
  const findings = [...checkSilence(rest.plan, preset.audio !== null), ...(await checkAll(environment))]
  return toResult(settings.level, findings, performance.now() - startedMs)
}

async function checkAll(environment: Environment): Promise<readonly Finding[]> {
  const { plan, set, settings, sizes } = environment
  const unreported = checkFiles(set, sizes, new Set())
  const isThere = (sizes.get(set.entry) ?? 0) > 0
  if (plan.container === 'mp4') return [...unreported, ...(isThere ? await checkSingleFile(environment) : [])]
  if (settings.level === 'minimal') {
    return unreported.length > 0 ? unreported : checkEntry(environment)
  }
  const { findings, reported } = await checkSegmentedSet(environment)
  return [...checkFiles(set, sizes, reported), ...findings]
}
