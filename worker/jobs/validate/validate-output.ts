import type { ValidationResult } from '../../../shared/contract/jobs.ts'
import type { Preset } from '../../../shared/contract/presets.ts'
import type { OutputPlan, OutputSet } from '../plan/output-plan.ts'
import { checkFiles, readSizes } from './files.ts'
import { type Finding, toValidationResult } from './findings.ts'
import { checkEntry, checkSegmentedSet } from './segmented-set.ts'
import { checkSingleFile } from './single-file.ts'
import { checkInputProblem, checkInputTracks } from './track-presence.ts'
import type { ValidationContext, ValidationSettings } from './validation-context.ts'

export type { ValidationSettings } from './validation-context.ts'

const RETRY_PAUSE_MS = 5000

export type ValidationRequest = {
  readonly plan: OutputPlan
  readonly preset: Pick<Preset, 'audio'>
  readonly set: OutputSet
  readonly settings: ValidationSettings
  readonly tools: { readonly ffmpegPath: string; readonly ffprobePath: string }
  readonly signal: AbortSignal
  /** Pause before a failed ffprobe run is repeated; 5 s by default. */
  readonly retryPauseMs?: number
}

/**
 * Validates an output against its plan. `minimal`: files and tracks exist. `standard`: also codecs, sizes, durations, bit
 * rates, playlists, and segments as deep as `hlsDepth`. `strict`: every segment, and a full decode.
 * @throws the signal's reason once it aborts; every fault of the output is part of the result
 */
export async function validateOutput({
  preset,
  settings,
  retryPauseMs,
  ...request
}: ValidationRequest): Promise<ValidationResult> {
  const startedMs = performance.now()
  const isStrict = settings.level === 'strict'
  const context: ValidationContext = {
    ...request,
    settings: isStrict ? { ...settings, decodeTest: true, hlsDepth: 'full' } : settings,
    retryPauseMs: retryPauseMs ?? RETRY_PAUSE_MS,
    sizes: await readSizes(request.set),
  }
  const input = [...checkInputProblem(request.plan), ...checkInputTracks(request.plan, preset.audio !== null)]
  const findings = [...input, ...(await checkOutput(context))]
  return toValidationResult(settings.level, findings, performance.now() - startedMs)
}

async function checkOutput(context: ValidationContext): Promise<readonly Finding[]> {
  const { plan, set, settings, sizes } = context
  const fileFindings = checkFiles(set, sizes, new Set())
  if (plan.container === 'mp4') {
    const hasEntry = (sizes.get(set.entry) ?? 0) > 0
    return [...fileFindings, ...(hasEntry ? await checkSingleFile(context) : [])]
  }
  if (settings.level === 'minimal') {
    return fileFindings.length > 0 ? fileFindings : checkEntry(context)
  }
  const { findings, reportedFiles } = await checkSegmentedSet(context)
  return [...checkFiles(set, sizes, reportedFiles), ...findings]
}
