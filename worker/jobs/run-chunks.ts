import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import * as v from 'valibot'

import type { ChunkPlan, TaskSpec } from '../../shared/contract/jobs.ts'
import { ProbedMedia } from '../media/probed-media.ts'
import type { Store } from '../stores/store.ts'
import type { ChunkContext } from './chunks/chunk-context.ts'
import { encodeChunk } from './chunks/encode-chunk.ts'
import { joinChunks } from './chunks/join-chunks.ts'
import { splitInput } from './chunks/split-input.ts'
import { publishOutput } from './deliver/publish-output.ts'
import { withStore } from './deliver/with-store.ts'
import { estimateEncodeSpeed } from './encode/encode-speed.ts'
import type { EncodePlan, PlannedInput } from './plan/encode-plan.ts'
import { planOutput } from './plan/plan-output.ts'
import type { TaskResult } from './result.ts'
import type { SpecOf, TaskContext } from './task-context.ts'

/** Splits a job into chunks. Returns `whole`, with nothing stored, where one worker should encode the job. */
export async function splitJob(
  spec: SpecOf<'encode'>,
  input: PlannedInput,
  context: TaskContext,
): Promise<TaskResult | { readonly kind: 'whole' }> {
  const { report, flushReports, log } = context
  if (spec.chunks === 1) return { kind: 'whole' }
  report({ kind: 'phase', phase: 'split', share: 0 })
  return withStore(spec.output.storage, context, async (store) => {
    const request = { chunks: spec.chunks, freeWorkers: spec.free_workers }
    const split = await splitInput(input, request, {
      ...createChunkContext(spec, context, store),
      beforeStoring: async () => {
        report({ kind: 'storing' })
        await flushReports()
      },
      onProgress: (share) => report({ kind: 'phase', phase: 'split', share }),
    })
    if (split.kind === 'split') return { kind: 'done', output: null, plan: split.plan }
    if (split.kind === 'whole') log.info('job not split', { reason: split.reason })
    return split
  })
}

/** Encodes one chunk of a split job. */
export async function runChunkTask(spec: SpecOf<'chunk'>, context: TaskContext): Promise<TaskResult> {
  const { chunk } = spec
  const { report } = context
  const { probe, plan } = recreatePlan(spec, spec.plan)
  report({ kind: 'storing' })
  report({ kind: 'phase', phase: 'encode', share: 0 })
  const chunkSec = (plan.durationSec * (chunk.end_frame - chunk.first_frame)) / countFrames(plan)
  return withStore(spec.output.storage, context, async (store) => {
    const encoded = await encodeChunk(
      { plan, startSec: probe.startSec, chunk },
      {
        ...createChunkContext(spec, context, store),
        onProgress: (share, progress) => {
          const encodeSpeed = estimateEncodeSpeed(progress, (1 - share) * chunkSec)
          report({ kind: 'phase', phase: 'encode', share, encodeSpeed })
        },
      },
    )
    return encoded.kind === 'done' ? { kind: 'done', output: null, plan: null } : encoded
  })
}

/** Joins the encoded chunks of a split job into its output, and publishes the output. */
export async function runJoinTask(spec: SpecOf<'join'>, context: TaskContext): Promise<TaskResult> {
  const { report } = context
  const { probe, plan } = recreatePlan(spec, spec.plan)
  const [dir, outDir] = [join(context.dir, 'parts'), join(context.dir, 'out')]
  await mkdir(dir)
  await mkdir(outDir)
  report({ kind: 'phase', phase: 'join', share: 0 })
  const joined = await withStore(spec.output.storage, context, (store) =>
    joinChunks(
      { plan, startSec: probe.startSec, chunks: spec.plan.chunks },
      {
        ...createChunkContext(spec, { ...context, dir }, store),
        outDir,
        onProgress: (share) => report({ kind: 'phase', phase: 'join', share }),
      },
    ),
  )
  return joined.kind === 'done' ? publishOutput(spec, { plan, dir: outDir }, context) : joined
}

function createChunkContext(spec: TaskSpec, { environment, dir, signal }: TaskContext, store: Store): ChunkContext {
  return {
    ffmpegPath: environment.FFMPEG_PATH,
    ffprobePath: environment.FFPROBE_PATH,
    dir,
    store,
    partsKey: spec.parts_key,
    timeoutMs: spec.time_left_ms,
    maxOutputBytes: environment.OUTPUT_MAX_BYTES,
    signal,
  }
}

/** Recreates the plan that the split was made for, from the probe of the input that the chunk plan carries. */
function recreatePlan(
  { preset, clip, output }: TaskSpec,
  { source }: ChunkPlan,
): { readonly probe: ProbedMedia; readonly plan: EncodePlan } {
  const probe = v.parse(ProbedMedia, source)
  const planned = planOutput(probe, preset, clip, output.type)
  if (planned.kind === 'problem') throw new Error(`the plan of a split job failed: ${planned.failure.message}`)
  return { probe, plan: planned.plan }
}

function countFrames({ input }: EncodePlan): number {
  return Math.max(1, input.video?.frames ?? 0)
}
