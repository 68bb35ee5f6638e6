import { rename } from 'node:fs/promises'
import { basename, join } from 'node:path'

import type { TaskSpec, ValidationResult } from '../../../shared/contract/jobs.ts'
import { finishManifests } from '../manifests/finish-manifests.ts'
import type { OutputPlan, OutputSet } from '../plan/output-plan.ts'
import { type FailedOrAborted, permanentFailure, type TaskDone, transientFailure } from '../result.ts'
import type { SpecOf, TaskContext } from '../task-context.ts'
import { makeThumbnails } from '../thumbnails/make-thumbnails.ts'
import { validateOutput } from '../validate/validate-output.ts'
import { removeStaleOutputs } from './cleanup.ts'
import { deliver, type Delivery, type DeliveryProgress } from './deliver.ts'
import { withStore } from './with-store.ts'

/** Media files as ffmpeg wrote them, and the plan that they were made by. */
type EncodedOutput = { readonly plan: OutputPlan; readonly dir: string }

const THUMBNAILS_TIMEOUT_MS = 300_000

/**
 * Turns ffmpeg's files into a stored output: writes manifests, adds the requested thumbnails, validates and delivers.
 * Only a valid output is stored, and only after the gateway knows that the job is about to store.
 */
export async function publishOutput(
  task: SpecOf<'encode' | 'join'>,
  { plan, dir }: EncodedOutput,
  context: TaskContext,
): Promise<TaskDone | FailedOrAborted> {
  const { report, signal } = context
  // Reported early: the gateway has usually acknowledged it by the time that the output is valid.
  report({ kind: 'storing' })
  report({ kind: 'phase', phase: 'finish', share: 0 })
  const finished = await finishManifests({ plan, dir, signal })
  if (finished.kind === 'broken') {
    const level = context.environment.VALIDATION_LEVEL
    return reportInvalid({ level, is_valid: false, errors: [finished.issue], warnings: [], duration_ms: 0 }, context)
  }
  const named = await renameSingleFile(finished.set, task.output.path)
  const set = task.thumbnails ? await addThumbnails(named, plan, context) : named

  report({ kind: 'phase', phase: 'validate', share: 0 })
  const validation = await validateOutput({
    plan,
    preset: task.preset,
    set,
    settings: validationSettings(context),
    tools: toolPaths(context),
    signal,
  })
  if (!validation.is_valid) return reportInvalid(validation, context)
  report({ kind: 'validated', validation })
  return deliverToStore(task, { set, hasVideo: plan.video !== null }, context)
}

/** Renames a single file to the name that it will have in the store: its thumbnails are named after it. */
async function renameSingleFile(set: OutputSet, path: string): Promise<OutputSet> {
  if (path.endsWith('/') || set.files.length > 1) return set
  const entry = basename(path)
  await rename(join(set.dir, set.entry), join(set.dir, entry))
  return { ...set, files: [entry], entry }
}

/** Adds thumbnails to a set. A failure is logged only: an output without thumbnails is better than none. */
async function addThumbnails(
  set: OutputSet,
  plan: OutputPlan,
  { environment, log, signal }: TaskContext,
): Promise<OutputSet> {
  const { FFMPEG_PATH: ffmpegPath } = environment
  const made = await makeThumbnails({ ffmpegPath, plan, set, signal, timeoutMs: THUMBNAILS_TIMEOUT_MS })
  if (made.kind === 'made') return { ...set, files: [...made.files, ...set.files] }
  if (!signal.aborted) log.warn('thumbnails could not be made, the output has none', { problem: made.error })
  return set
}

function validationSettings({ environment }: TaskContext) {
  return {
    level: environment.VALIDATION_LEVEL,
    decodeTest: environment.VALIDATION_DECODE_TEST,
    hlsDepth: environment.VALIDATION_HLS_DEPTH,
    timeoutMs: environment.VALIDATION_TIMEOUT,
  }
}

function toolPaths({ environment }: TaskContext) {
  return { ffmpegPath: environment.FFMPEG_PATH, ffprobePath: environment.FFPROBE_PATH }
}

/** Reports an invalid output and returns the task's failure, by its first error. Only a failed ffprobe is transient. */
function reportInvalid(validation: ValidationResult, { report, signal }: TaskContext): FailedOrAborted {
  if (signal.aborted) return { kind: 'aborted' }
  report({ kind: 'validated', validation })
  const [first] = validation.errors
  if (first === undefined) return transientFailure('VALIDATION_FAILED', 'the output is invalid for an unknown reason')
  const toFailure = first.code === 'FFPROBE_FAILED' ? transientFailure : permanentFailure
  return toFailure(first.code, `the output is invalid: ${first.message}`)
}

async function deliverToStore(
  { output, parts_key: partsKey, leftovers }: Pick<TaskSpec, 'output' | 'parts_key' | 'leftovers'>,
  content: Pick<Delivery, 'set' | 'hasVideo'>,
  context: TaskContext,
): Promise<TaskDone | FailedOrAborted> {
  const { report, flushReports, isFirstAttempt, ownsTask, dir, log, signal } = context
  await flushReports()
  report({ kind: 'phase', phase: 'store', share: 0 })
  if (signal.aborted) return { kind: 'aborted' }
  const onProgress = ({ files, filesDone }: DeliveryProgress) => {
    report({ kind: 'phase', phase: 'store', share: filesDone / files })
  }
  return withStore(output.storage, context, async (store) => {
    await removeStaleOutputs(leftovers, { store, dir, log }, signal)
    const delivery = { store, ...content, output, partsKey, isFirstAttempt, ownsTask, log, onProgress }
    const result = await deliver(delivery, signal)
    return result.kind === 'done' ? { kind: 'done', output: result.output, plan: null } : result
  })
}
