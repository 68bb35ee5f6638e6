import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { PATIENCE_MS } from '../../../../shared/testing/until.ts'
import type { ChunkPlan, Clip } from '../../../../shared/contract/jobs.ts'
import type { Preset } from '../../../../shared/contract/presets.ts'
import { probeMedia } from '../../../media/ffprobe.ts'
import type { MediaProbeResult } from '../../../media/probed-media.ts'
import { openLocalStore } from '../../../stores/local.ts'
import { encode } from '../../encode/encode.ts'
import type { PlannedInput } from '../../plan/encode-plan.ts'
import { planOutput } from '../../plan/plan-output.ts'
import type { StepResult } from '../../result.ts'
import type { ChunkContext } from '../chunk-context.ts'
import { encodeChunk } from '../encode-chunk.ts'
import { joinChunks, type SplitJob } from '../join-chunks.ts'
import { splitInput } from '../split-input.ts'

/** An input and how to encode it, with an existing working folder. */
export type EncodeJob = {
  readonly dir: string
  readonly inputPath: string
  readonly preset: Preset
  readonly chunks: number
  readonly clip?: Clip
}

export const PARTS_KEY = '.tallylight/job/'

/** Creates the context of one step, with a local folder of its own, as on a worker of its own, and the job's store. */
export async function createChunkContext(jobDir: string, step: string): Promise<ChunkContext> {
  const dir = join(jobDir, step)
  await mkdir(dir, { recursive: true })
  return {
    ffmpegPath: 'ffmpeg',
    ffprobePath: 'ffprobe',
    dir,
    store: openLocalStore({ dir: join(jobDir, 'store'), url: 'http://127.0.0.1/' }),
    partsKey: PARTS_KEY,
    timeoutMs: PATIENCE_MS,
    maxOutputBytes: 1e9,
    signal: new AbortController().signal,
  }
}

/** Probes of inputs by their paths: a test encodes the same one several times. */
const probes = new Map<string, Promise<MediaProbeResult>>()

/** Probes a job's input once, and plans its output. */
export async function planInput({ inputPath, preset, clip }: EncodeJob): Promise<PlannedInput> {
  const probing =
    probes.get(inputPath) ??
    probeMedia('ffprobe', inputPath, { timeoutMs: PATIENCE_MS, signal: new AbortController().signal })
  probes.set(inputPath, probing)
  const probed = await probing
  if (probed.kind !== 'ok') throw new Error(probed.reason)
  const planned = planOutput(probed.probe, preset, clip ?? null)
  if (planned.kind !== 'planned') throw new Error(planned.failure.message)
  return { path: inputPath, probe: probed.probe, plan: planned.plan }
}

/** Encodes a job in one run, and returns the folder of the output. */
export async function encodeWhole(job: EncodeJob): Promise<string> {
  const { path, plan } = await planInput(job)
  const context = await createChunkContext(job.dir, 'whole')
  expectDone(await encode(path, plan, { ...context, onProgress: () => {} }))
  return context.dir
}

/** Splits a job; throws where it should be encoded whole. */
async function splitJob(job: EncodeJob): Promise<{ readonly split: SplitJob; readonly chunkPlan: ChunkPlan }> {
  const input = await planInput(job)
  const context = await createChunkContext(job.dir, 'split')
  const result = await splitInput(
    input,
    { chunks: job.chunks, freeWorkers: 0 },
    { ...context, beforeStoring: () => Promise.resolve(), onProgress: () => {} },
  )
  if (result.kind !== 'split') throw new Error(`not split: ${JSON.stringify(result)}`)
  const { plan, probe } = input
  return { split: { plan, startSec: probe.startSec, chunks: result.plan.chunks }, chunkPlan: result.plan }
}

/** Encodes a job in chunks, one after the other, and returns the folder of the joined output. */
export async function encodeInChunks(
  job: EncodeJob,
): Promise<{ readonly outDir: string; readonly chunkPlan: ChunkPlan }> {
  const { split, chunkPlan } = await splitJob(job)
  for (const chunk of split.chunks) {
    const context = await createChunkContext(job.dir, `chunk-${chunk.index}`)
    expectDone(await encodeChunk({ ...split, chunk }, { ...context, onProgress: () => {} }))
  }
  const context = await createChunkContext(job.dir, 'join')
  const outDir = join(job.dir, 'joined')
  await mkdir(outDir)
  expectDone(await joinChunks(split, { ...context, outDir, onProgress: () => {} }))
  return { outDir, chunkPlan }
}

function expectDone(result: StepResult): void {
  if (result.kind !== 'done') throw new Error(JSON.stringify(result))
}
