import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { TaskSpec } from '../../shared/contract/jobs.ts'
import { probeMedia } from '../media/ffprobe.ts'
import { removeStaleOutput } from './deliver/cleanup.ts'
import { publishOutput } from './deliver/publish-output.ts'
import { withStore } from './deliver/with-store.ts'
import { estimateEncodeSpeed } from './encode/encode-speed.ts'
import { encode } from './encode/encode.ts'
import type { PlannedInput } from './plan/encode-plan.ts'
import { planOutput } from './plan/plan-output.ts'
import { permanentFailure, transientFailure, type FailedOrAborted, type TaskResult } from './result.ts'
import { runChunkTask, runJoinTask, splitJob } from './run-chunks.ts'
import { fetchInput } from './input/fetch-input.ts'
import { toMediaInfo } from './input/media-info.ts'
import { noteCut, salvageInput } from './input/salvage-input.ts'
import { findTruncation } from './input/truncated-input.ts'
import type { SpecOf, TaskContext } from './task-context.ts'

/** ffprobe reads the whole file; larger files have longer. */
const PROBE_TIMEOUT_MS = 120_000

/**
 * Executes a task according to its specification. Expected failures are returned.
 * @throws on a disk error, and on a violated invariant
 */
export async function executeTask(spec: TaskSpec, context: TaskContext): Promise<TaskResult> {
  switch (spec.task) {
    case 'encode':
      return runEncodeTask(spec, context)
    case 'chunk':
      return runChunkTask(spec, context)
    case 'join':
      return runJoinTask(spec, context)
    case 'sweep':
      return runSweepTask(spec, context)
    case 'tidy':
      return runTidyTask(spec, context)
  }
}

/** Encodes a job as a whole, or splits it where that is requested and worthwhile. */
async function runEncodeTask(spec: SpecOf<'encode'>, context: TaskContext): Promise<TaskResult> {
  const { environment, signal, report } = context
  const input = await prepareInput(spec, context)
  if (input.kind !== 'ok') return input
  const split = await splitJob(spec, input, context)
  if (split.kind !== 'whole') return split
  const { path, plan } = input
  const dir = join(context.dir, 'out')
  await mkdir(dir)
  report({ kind: 'phase', phase: 'encode', share: 0 })
  const encoded = await encode(path, plan, {
    ffmpegPath: environment.FFMPEG_PATH,
    dir,
    signal,
    timeoutMs: spec.time_left_ms,
    maxOutputBytes: environment.OUTPUT_MAX_BYTES,
    onProgress: (progress) => {
      const { outTimeSec } = progress
      const encodeSpeed = estimateEncodeSpeed(progress, plan.durationSec - outTimeSec)
      report({ kind: 'phase', phase: 'encode', share: outTimeSec / plan.durationSec, encodeSpeed })
    },
  })
  return encoded.kind === 'done' ? publishOutput(spec, { plan, dir }, context) : encoded
}

type PreparedInput = ({ readonly kind: 'ok' } & PlannedInput) | FailedOrAborted

/** Fetches the input, probes it, and plans the output. */
async function prepareInput(spec: SpecOf<'encode'>, context: TaskContext): Promise<PreparedInput> {
  const { environment, fetcher, dir, report, signal } = context
  report({ kind: 'phase', phase: 'fetch', share: 0 })
  const fetched = await fetchInput(spec.input_url, {
    fetcher,
    stores: environment,
    allowFile: environment.ALLOW_FILE_INPUT,
    maxBytes: environment.INPUT_MAX_BYTES,
    dir,
    onProgress: (share) => report({ kind: 'phase', phase: 'fetch', share }),
    signal,
  })
  if (fetched.kind !== 'ok') return fetched
  const { path, isCut } = await salvageInput(fetched.path, dir)
  const probed = await probeMedia(environment.FFPROBE_PATH, path, {
    ffmpegPath: environment.FFMPEG_PATH,
    timeoutMs: PROBE_TIMEOUT_MS,
    signal,
  })
  if (signal.aborted) return { kind: 'aborted' }
  if (probed.kind === 'invalid') return permanentFailure('INPUT_INVALID', probed.reason)
  if (probed.kind === 'failed') return transientFailure('FFPROBE_FAILED', probed.reason)
  const probe = noteCut(probed.probe, isCut)
  report({ kind: 'probed', mediaInfo: toMediaInfo(probe) })
  const truncation = findTruncation(probe, spec.clip)
  if (truncation !== null) return truncation
  const planned = planOutput(probe, spec.preset, spec.clip, spec.output.type)
  if (planned.kind === 'problem') return { kind: 'failed', failure: planned.failure }
  return { kind: 'ok', path, probe, plan: planned.plan }
}

/** Removes everything that a failed or canceled job has left in the store. */
function runSweepTask(spec: SpecOf<'sweep'>, context: TaskContext): Promise<TaskResult> {
  return withStore(spec.output.storage, context, async (store) => {
    await removeStaleOutput({ store, partsKey: spec.parts_key, dir: context.dir }, context.signal)
    return { kind: 'done', output: null, plan: null }
  })
}

/** Removes the files that a completed split job has left beside its output. */
function runTidyTask(spec: SpecOf<'tidy'>, context: TaskContext): Promise<TaskResult> {
  return withStore(spec.output.storage, context, async (store) => {
    await store.removeFolder(spec.parts_key, context.signal)
    return { kind: 'done', output: null, plan: null }
  })
}
