import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { Chunk } from '../../../shared/contract/jobs.ts'
import { INPUT_OPTIONS, toInputUrl } from '../../media/media-input.ts'
import { buildVideoEncoderArgs } from '../encode/encoder-arguments.ts'
import type { EncoderProgress } from '../encode/encoder-progress.ts'
import { COMMON_OPTIONS, frameOptions } from '../encode/ffmpeg-arguments.ts'
import { buildFilterGraph } from '../encode/filter-graph.ts'
import { runEncoder } from '../encode/run-encoder.ts'
import type { EncodePlan } from '../plan/encode-plan.ts'
import { framesPerSec } from '../plan/frame-rate.ts'
import type { OutputVideo, PlannedRendition } from '../plan/output-plan.ts'
import { transientFailure, type StepResult } from '../result.ts'
import type { ChunkContext } from './chunk-context.ts'
import { CHUNK_FILE_HEADERS, chunkFileName, pieceFileName } from './chunk-files.ts'
import { EXACT_CLOCK_OPTIONS, TIMESTAMP_OFFSET_SEC } from './fragments.ts'
import { findFrameProblem } from './verify-frames.ts'
import { readVideoPackets } from './video-packets.ts'

export type ChunkJob = {
  /** Plan of the whole output. */
  readonly plan: EncodePlan
  /** Start of the input's clock, from its probe. */
  readonly startSec: number
  readonly chunk: Chunk
}

/**
 * Encodes one chunk of a split job in every rendition, and stores the files over those of an earlier attempt. Fails with
 * `CHUNK_MISMATCH` where a frame is missing, or has another time than in the whole output.
 * @throws StoreError
 */
export async function encodeChunk(
  job: ChunkJob,
  context: ChunkContext & { readonly onProgress: (share: number, progress: EncoderProgress) => void },
): Promise<StepResult> {
  const { plan, chunk } = job
  const { video } = plan
  if (video === null) throw new Error('a chunk needs an output with video')
  const { store, partsKey, signal } = context
  const dir = join(context.dir, 'encoded')
  await mkdir(dir)
  const pieceName = pieceFileName(chunk.index)
  const piecePath = join(context.dir, pieceName)
  await store.get(`${partsKey}${pieceName}`, piecePath, signal)
  const fps = framesPerSec(video.fps)
  const frames = chunk.end_frame - chunk.first_frame
  const encoded = await runEncoder(buildChunkArgs(job, video, piecePath), {
    ...context,
    dir,
    onProgress: (progress) => {
      const share = (progress.outTimeSec * fps - chunk.first_frame) / frames
      context.onProgress(Math.min(1, Math.max(0, share)), progress)
    },
  })
  if (encoded.kind !== 'done') return encoded

  for (const { index } of video.renditions) {
    const name = chunkFileName(chunk.index, index)
    const path = join(dir, name)
    const read = await readVideoPackets(path, { ...context, index: 0 })
    if (signal.aborted) return { kind: 'aborted' }
    const range = { first: chunk.first_frame, end: chunk.end_frame }
    const problem = read.kind === 'ok' ? findFrameProblem(read.track, video.fps, range) : read.reason
    if (problem !== null)
      return transientFailure('CHUNK_MISMATCH', `chunk ${chunk.index}, rendition ${index}: ${problem}`)
    await store.put(`${partsKey}${name}`, path, CHUNK_FILE_HEADERS, signal)
  }
  return { kind: 'done' }
}

/** Derives the plan of a chunk. Only the last chunk may lack frames at its end, and repeat its last frame instead. */
function planChunk({ plan, chunk }: ChunkJob): EncodePlan {
  const { video } = plan.input
  const isLast = chunk.end_frame === video?.frames
  return {
    ...plan,
    audio: null,
    input: {
      ...plan.input,
      audio: null,
      video: video && {
        ...video,
        index: 0,
        chunk: { firstFrame: chunk.first_frame },
        leadFrames: 0,
        frames: chunk.end_frame - chunk.first_frame,
        padFrames: isLast ? video.padFrames : 0,
      },
    },
  }
}

/**
 * Returns ffmpeg's arguments. With `-copyts`, the timestamps change by the `-itsoffset` alone: in one step, so that they
 * are rounded as where ffmpeg reads the whole input.
 */
function buildChunkArgs(job: ChunkJob, video: OutputVideo, piecePath: string): string[] {
  const { plan, startSec, chunk } = job
  const offsetSec = TIMESTAMP_OFFSET_SEC + startSec
  const isSegmented = plan.segmentSec !== null
  const buildOutput = (rendition: PlannedRendition) => [
    ['-map', `[v${rendition.index}]`, ...buildVideoEncoderArgs(video, rendition, { stream: 0, isSegmented })],
    ['-fps_mode', 'passthrough', ...EXACT_CLOCK_OPTIONS],
    ['-output_ts_offset', String(TIMESTAMP_OFFSET_SEC), '-f', 'mp4', chunkFileName(chunk.index, rendition.index)],
  ]
  const { video: inputVideo } = plan.input
  return [
    [...COMMON_OPTIONS, ...(inputVideo === null ? [] : frameOptions(inputVideo))],
    [...INPUT_OPTIONS, '-copyts', '-itsoffset', (-offsetSec).toFixed(6)],
    ['-i', toInputUrl(piecePath), '-filter_complex', buildFilterGraph(planChunk(job), { audioCopies: 0 })],
    ...video.renditions.flatMap(buildOutput),
  ].flat()
}
