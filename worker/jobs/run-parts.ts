import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import * as v from 'valibot'

import type { ChunkPlan, JobOrder } from '../../shared/contract/jobs.ts'
import { Probe } from '../platform/probed-media.ts'
import type { Store } from '../platform/stores/store.ts'
import type { Bench, Done } from './bench.ts'
import { encodeChunk } from './chunks/encode-chunk.ts'
import { joinChunks } from './chunks/join.ts'
import { splitSource, type SplitSource } from './chunks/split.ts'
import type { EncodePlan } from './encode-plan.ts'
import type { Unfinished } from './failure.ts'
import { paceOf } from './pace.ts'
import { planOutput } from './plan.ts'
import { publish } from './publish.ts'
import { withStore } from './store-use.ts'

type OrderOf<Task extends JobOrder['task']> = Extract<JobOrder, { readonly task: Task }>

/** Splits a job where that is worth while: `whole` where it is not. */
export async function splitJob(
  order: OrderOf<'encode'>,
  source: SplitSource,
  bench: Bench,
): Promise<Done | { readonly kind: 'whole' } | Unfinished> {
  const { tell, heard, log } = bench
  if (order.chunks === 1) return { kind: 'whole' }
  tell({ kind: 'phase', phase: 'split', share: 0 })
  return withStore(order.output.storage, bench, async (store) => {
    const split = await splitSource(
      source,
      { chunks: order.chunks, freeWorkers: order.free_workers },
      {
        ...chunkRun(order, bench, store),
        beforeStoring: async () => {
          tell({ kind: 'storing' })
          await heard()
        },
        onProgress: (share) => tell({ kind: 'phase', phase: 'split', share }),
      },
    )
    if (split.kind === 'split') return { kind: 'done', output: null, plan: split.plan }
    if (split.kind === 'whole') log.info('job is not split', { reason: split.reason })
    return split
  })
}

/** Encodes one piece of a split job. */
export async function runChunk(order: OrderOf<'chunk'>, bench: Bench): Promise<Done | Unfinished> {
  const { chunk } = order
  const { probe, plan } = planned(order, order.plan)
  bench.tell({ kind: 'storing' })
  bench.tell({ kind: 'phase', phase: 'encode', share: 0 })
  return withStore(order.output.storage, bench, async (store) => {
    const encoded = await encodeChunk(
      { plan, startSec: probe.startSec, chunk },
      {
        ...chunkRun(order, bench, store),
        onProgress: (share, progress) => {
          const leftSec = ((1 - share) * plan.durationSec * (chunk.end_frame - chunk.first_frame)) / frames(plan)
          bench.tell({ kind: 'phase', phase: 'encode', share, pace: paceOf(progress, leftSec) })
        },
      },
    )
    return encoded.kind === 'done' ? { kind: 'done', output: null, plan: null } : encoded
  })
}

/** Joins a split job's pieces to its output. */
export async function runJoin(order: OrderOf<'join'>, bench: Bench): Promise<Done | Unfinished> {
  const { probe, plan } = planned(order, order.plan)
  const [dir, outDir] = [join(bench.dir, 'parts'), join(bench.dir, 'out')]
  await mkdir(dir)
  await mkdir(outDir)
  bench.tell({ kind: 'phase', phase: 'join', share: 0 })
  const joined = await withStore(order.output.storage, bench, (store) =>
    joinChunks(
      { plan, startSec: probe.startSec, chunks: order.plan.chunks },
      {
        ...chunkRun(order, { ...bench, dir }, store),
        outDir,
        onProgress: (share) => bench.tell({ kind: 'phase', phase: 'join', share }),
      },
    ),
  )
  return joined.kind === 'done' ? publish(order, { plan, dir: outDir }, bench) : joined
}

function chunkRun(order: JobOrder, { environment, dir, signal }: Bench, store: Store) {
  return {
    ffmpegPath: environment.FFMPEG_PATH,
    ffprobePath: environment.FFPROBE_PATH,
    dir,
    store,
    partsKey: order.parts_key,
    timeoutMs: order.time_left_ms,
    maxOutputBytes: environment.OUTPUT_MAX_BYTES,
    signal,
  }
}

/** The same plan as the one that was split: it follows from what the input was found to be. */
function planned({ preset, clip, output }: JobOrder, { source }: ChunkPlan): { probe: Probe; plan: EncodePlan } {
  const probe = v.parse(Probe, source)
  const made = planOutput(probe, preset, clip, output.type)
  if (made.kind === 'problem') throw new Error(`a job that was split cannot be planned: ${made.failure.message}`)
  return { probe, plan: made.plan }
}

function frames({ reading }: EncodePlan): number {
  return Math.max(1, reading.picture?.frames ?? 0)
}
