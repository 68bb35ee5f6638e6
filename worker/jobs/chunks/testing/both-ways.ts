import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { ChunkPlan, Clip } from '../../../../shared/contract/jobs.ts'
import type { Preset } from '../../../../shared/contract/presets.ts'
import { probe } from '../../../platform/ffprobe.ts'
import type { Probe } from '../../../platform/probed-media.ts'
import { openLocalStore } from '../../../platform/stores/local.ts'
import { encode } from '../../encode/encode.ts'
import type { EncodePlan } from '../../encode-plan.ts'
import type { Unfinished } from '../../failure.ts'
import { planOutput } from '../../plan.ts'
import { encodeChunk } from '../encode-chunk.ts'
import { joinChunks } from '../join.ts'
import type { ChunkRun } from '../parts.ts'
import { splitSource, type SplitSource } from '../split.ts'

/** What is to be encoded, in a folder that is there. */
export type Job = {
  readonly dir: string
  readonly sourcePath: string
  readonly preset: Preset
  readonly chunks: number
  readonly clip?: Clip
}

export const PARTS_KEY = '.tallylight/job/'

/** Where things lie and how long they may take: every step has a folder of its own, as if on a worker of its own. */
export async function workplace(dir: string, step: string): Promise<ChunkRun> {
  const own = join(dir, step)
  await mkdir(own, { recursive: true })
  return {
    ffmpegPath: 'ffmpeg',
    ffprobePath: 'ffprobe',
    dir: own,
    store: openLocalStore({ dir: join(dir, 'store'), url: 'http://127.0.0.1/' }),
    partsKey: PARTS_KEY,
    timeoutMs: 60_000,
    maxOutputBytes: 1e9,
    signal: new AbortController().signal,
  }
}

export async function sourceOf({ sourcePath, preset, clip }: Job): Promise<SplitSource & { readonly probe: Probe }> {
  const looked = await probe('ffprobe', sourcePath, { timeoutMs: 60_000, signal: new AbortController().signal })
  if (looked.kind !== 'ok') throw new Error(looked.reason)
  const planned = planOutput(looked.probe, preset, clip ?? null)
  if (planned.kind !== 'planned') throw new Error(planned.failure.message)
  return { path: sourcePath, probe: looked.probe, plan: planned.plan }
}

export async function encodeWhole(job: Job): Promise<string> {
  const { path, plan } = await sourceOf(job)
  const run = await workplace(job.dir, 'whole')
  expectDone(await encode(path, plan, { ...run, onProgress: () => {} }))
  return run.dir
}

/** Splits a job as its first worker does. Throws where it would be encoded whole. */
async function split(job: Job): Promise<{ readonly plan: EncodePlan; readonly parts: ChunkPlan; startSec: number }> {
  const source = await sourceOf(job)
  const run = await workplace(job.dir, 'split')
  const result = await splitSource(
    source,
    { chunks: job.chunks, freeWorkers: 0 },
    { ...run, beforeStoring: () => Promise.resolve(), onProgress: () => {} },
  )
  if (result.kind !== 'split') throw new Error(`not split: ${JSON.stringify(result)}`)
  return { plan: source.plan, parts: result.plan, startSec: source.probe.startSec }
}

/** Encodes by way of chunks, one after the other, and gives the folder of the output. */
export async function encodeInChunks(job: Job): Promise<{ readonly outDir: string; readonly parts: ChunkPlan }> {
  const { plan, parts, startSec } = await split(job)
  for (const chunk of parts.chunks) {
    const run = await workplace(job.dir, `chunk-${chunk.index}`)
    expectDone(await encodeChunk({ plan, startSec, chunk }, { ...run, onProgress: () => {} }))
  }
  const run = await workplace(job.dir, 'join')
  const outDir = join(job.dir, 'joined')
  await mkdir(outDir)
  expectDone(await joinChunks({ plan, startSec, chunks: parts.chunks }, { ...run, outDir, onProgress: () => {} }))
  return { outDir, parts }
}

function expectDone(result: { readonly kind: 'done' } | Unfinished): void {
  if (result.kind !== 'done') throw new Error(JSON.stringify(result))
}
