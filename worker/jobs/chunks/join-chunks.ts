import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { Chunk } from '../../../shared/contract/jobs.ts'
import { INPUT_OPTIONS, toInputUrl } from '../../media/media-input.ts'
import { mapInParallel } from '../../platform/map-in-parallel.ts'
import { StoreError } from '../../stores/store.ts'
import { buildOutputArgs, COMMON_OPTIONS, type TrackArgs } from '../encode/ffmpeg-arguments.ts'
import { runEncoder } from '../encode/run-encoder.ts'
import type { EncodePlan } from '../plan/encode-plan.ts'
import type { OutputVideo } from '../plan/output-plan.ts'
import { transientFailure, type StepResult } from '../result.ts'
import type { ChunkContext } from './chunk-context.ts'
import { audioFileNames, chunkFileName } from './chunk-files.ts'
import { encodeChunk } from './encode-chunk.ts'
import { joinFragments, TIMESTAMP_OFFSET_SEC } from './fragments.ts'
import { findFrameProblem, type FrameRange } from './verify-frames.ts'
import { readVideoPackets } from './video-packets.ts'

const PARALLEL_GETS = 4

/** Shares of the time that a join takes; muxing is the rest. */
const SHARE = { fetch: 0.5, join: 0.2 }

export type SplitJob = {
  /** Plan of the whole output. */
  readonly plan: EncodePlan
  /** Start of the input's clock, from its probe. */
  readonly startSec: number
  readonly chunks: readonly Chunk[]
}

export type JoinContext = ChunkContext & {
  /** Existing folder for the output; `dir` holds intermediate files. */
  readonly outDir: string
  /** Called with the completed share, 0 to 1. */
  readonly onProgress: (share: number) => void
}

/**
 * Joins encoded chunks and audio into the files that `encode` would have made. Only a chunk that is missing or damaged is
 * encoded again. Fails with `CHUNK_MISMATCH` where a joined rendition lacks a frame, or has one twice or at another time.
 * @throws StoreError
 */
export async function joinChunks(job: SplitJob, context: JoinContext): Promise<StepResult> {
  const { plan } = job
  const { video } = plan
  if (video === null) throw new Error('a join needs an output with video')
  const missing = await fetchFiles(job, video, context)
  const reencoded = await reencodeChunks(job, missing, context)
  if (reencoded.kind !== 'done') return reencoded
  for (const { index } of video.renditions) {
    const joined = await joinRendition(job, { video, index }, context)
    if (joined.kind !== 'done') return joined
    context.onProgress(SHARE.fetch + (SHARE.join * (index + 1)) / video.renditions.length)
  }
  return runEncoder(buildMuxArgs(plan, video, context.dir), {
    ...context,
    dir: context.outDir,
    onProgress: ({ outTimeSec }) => {
      const before = SHARE.fetch + SHARE.join
      context.onProgress(before + (1 - before) * Math.min(1, outTimeSec / plan.durationSec))
    },
  })
}

/** Fetches the chunks of all renditions and the audio. Returns the chunks of which a file is missing in the store. */
async function fetchFiles(
  { plan, chunks }: SplitJob,
  video: OutputVideo,
  context: JoinContext,
): Promise<readonly Chunk[]> {
  const chunkFiles = video.renditions.flatMap(({ index }) =>
    chunks.map((chunk) => ({ name: chunkFileName(chunk.index, index), chunk })),
  )
  const files = [...chunkFiles, ...audioFileNames(plan).map((name) => ({ name, chunk: null }))]
  const missing = new Set<Chunk>()
  let fetched = 0
  await mapInParallel(
    files,
    async ({ name, chunk }, signal) => {
      await fetchFile(name, { ...context, signal }).catch((error: unknown) => {
        if (chunk === null || !(error instanceof StoreError) || error.code !== 'STORE_NOT_FOUND') throw error
        missing.add(chunk)
      })
      fetched += 1
      context.onProgress((SHARE.fetch * fetched) / files.length)
    },
    { limit: PARALLEL_GETS, signal: context.signal },
  )
  return [...missing]
}

function fetchFile(name: string, { store, partsKey, dir, signal }: ChunkContext): Promise<void> {
  return store.get(`${partsKey}${name}`, join(dir, name), signal)
}

/** Encodes chunks again from their pieces of the input, and replaces the local files of these chunks. */
async function reencodeChunks(
  { plan, startSec }: SplitJob,
  chunks: readonly Chunk[],
  context: ChunkContext,
): Promise<StepResult> {
  for (const chunk of chunks) {
    const dir = join(context.dir, `again_${chunk.index}`)
    await mkdir(dir)
    const encoded = await encodeChunk({ plan, startSec, chunk }, { ...context, dir, onProgress: () => {} })
    if (encoded.kind !== 'done') return encoded
    await rm(dir, { recursive: true })
    for (const { index } of plan.video?.renditions ?? []) await fetchFile(chunkFileName(chunk.index, index), context)
  }
  return { kind: 'done' }
}

/** One rendition of an output, by its index. */
type OutputRendition = { readonly video: OutputVideo; readonly index: number }

/** Joins the chunks of a rendition, and removes their local files. */
async function joinRendition(job: SplitJob, rendition: OutputRendition, context: ChunkContext): Promise<StepResult> {
  let problem = await tryJoin(job, rendition, context)
  const damaged = problem === null || context.signal.aborted ? [] : await findDamagedChunks(job, rendition, context)
  // If all chunks look damaged, encoding them again would not help.
  if (damaged.length > 0 && damaged.length < job.chunks.length) {
    const reencoded = await reencodeChunks(job, damaged, context)
    if (reencoded.kind !== 'done') return reencoded
    problem = await tryJoin(job, rendition, context)
  }
  if (context.signal.aborted) return { kind: 'aborted' }
  if (problem !== null) return transientFailure('CHUNK_MISMATCH', `rendition ${rendition.index}: ${problem}`)
  await Promise.all(job.chunks.map((chunk) => rm(join(context.dir, chunkFileName(chunk.index, rendition.index)))))
  return { kind: 'done' }
}

/** Joins the chunks of a rendition, and verifies the frames. Returns `null`, or a description of what is wrong. */
async function tryJoin(
  { plan, chunks }: SplitJob,
  { video, index }: OutputRendition,
  context: ChunkContext,
): Promise<string | null> {
  const paths = chunks.map((chunk) => join(context.dir, chunkFileName(chunk.index, index)))
  const target = join(context.dir, renditionFileName(index))
  const problem = await joinFragments(paths, target, context.signal)
  const range = { first: 0, end: plan.input.video?.frames ?? 0 }
  return problem ?? (await findFileProblem(target, video, range, context))
}

async function findDamagedChunks(
  { chunks }: SplitJob,
  { video, index }: OutputRendition,
  context: ChunkContext,
): Promise<readonly Chunk[]> {
  const damaged: Chunk[] = []
  for (const chunk of chunks) {
    const path = join(context.dir, chunkFileName(chunk.index, index))
    const range = { first: chunk.first_frame, end: chunk.end_frame }
    if ((await findFileProblem(path, video, range, context)) !== null) damaged.push(chunk)
  }
  return damaged
}

async function findFileProblem(
  path: string,
  { fps }: OutputVideo,
  range: FrameRange,
  context: ChunkContext,
): Promise<string | null> {
  const read = await readVideoPackets(path, { ...context, index: 0 })
  return read.kind === 'ok' ? findFrameProblem(read.track, fps, range) : read.reason
}

function renditionFileName(index: number): string {
  return `rendition_${index}.mp4`
}

/** Returns the arguments of the run that muxes the output: those of `encode`, with every track copied. */
function buildMuxArgs(plan: EncodePlan, { renditions }: OutputVideo, dir: string): string[] {
  const files = [
    ...renditions.map(({ index }) => ({ name: renditionFileName(index), offsetSec: -TIMESTAMP_OFFSET_SEC })),
    ...audioFileNames(plan).map((name) => ({ name, offsetSec: 0 })),
  ]
  const inputs = files.flatMap(({ name, offsetSec }) => {
    return [...INPUT_OPTIONS, '-itsoffset', String(offsetSec), '-i', toInputUrl(join(dir, name))]
  })
  const copiedTracks: TrackArgs = {
    video: ({ index }, { stream }) => ['-map', `${index}:v:0`, `-c:v:${stream}`, 'copy'],
    audio: () => (plan.audio === null ? [] : ['-map', `${renditions.length}:a:0`, '-c:a', 'copy']),
  }
  return [...COMMON_OPTIONS, '-copyts', ...inputs, ...buildOutputArgs(plan, copiedTracks)]
}
