import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { Chunk } from '../../../shared/contract/jobs.ts'
import { INPUT_OPTIONS, inputUrl } from '../../platform/media-input.ts'
import type { EncodePlan } from '../encode-plan.ts'
import { QUIET } from '../encode/arguments.ts'
import type { EncoderProgress } from '../encode/encoder-progress.ts'
import { videoEncoderArgs } from '../encode/encoders.ts'
import { filterGraph } from '../encode/filters.ts'
import { runEncoder } from '../encode/run-encoder.ts'
import { perSec } from '../frame-grid.ts'
import { mishap, type Unfinished } from '../failure.ts'
import type { OutputPlan, PlannedRendition } from '../output-plan.ts'
import { framesProblem } from './encoded-frames.ts'
import { EXACT_CLOCK, HEADROOM_SEC } from './fragments.ts'
import { chunkName, type ChunkRun, PART_HEADERS, pieceName } from './parts.ts'
import { readPicture } from './picture.ts'

type ChunkOf = {
  /** Of the whole output. */
  readonly plan: EncodePlan
  /** When the source's clock begins: the probe's. */
  readonly startSec: number
  readonly chunk: Chunk
}

/**
 * Encodes one chunk of a split job in every rendition, and stores what came of it. Its frames are counted, and each must
 * have the time that it has in the whole output: `CHUNK_MISMATCH` otherwise. It may be done again at any time, on
 * any worker, and replaces what was there.
 * @throws StoreError
 */
export async function encodeChunk(
  of: ChunkOf,
  run: ChunkRun & { readonly onProgress: (share: number, progress: EncoderProgress) => void },
): Promise<{ readonly kind: 'done' } | Unfinished> {
  const { plan, chunk } = of
  const { video } = plan
  if (video === null) throw new Error('a chunk without a picture')
  const { store, partsKey, signal } = run
  const dir = join(run.dir, 'encoded')
  await mkdir(dir)
  const piecePath = join(run.dir, pieceName(chunk.index))
  await store.get(`${partsKey}${pieceName(chunk.index)}`, piecePath, signal)
  const fps = perSec(video.fps)
  const frames = chunk.end_frame - chunk.first_frame
  const encoded = await runEncoder(chunkArgs(of, video, piecePath), {
    ...run,
    dir,
    onProgress: (progress) => {
      const share = (progress.outTimeSec * fps - chunk.first_frame) / frames
      run.onProgress(Math.min(1, Math.max(0, share)), progress)
    },
  })
  if (encoded.kind !== 'done') return encoded

  for (const { index } of video.renditions) {
    const path = join(dir, chunkName(chunk.index, index))
    const made = await readPicture(path, { ...run, index: 0 })
    if (signal.aborted) return { kind: 'aborted' }
    const span = { first: chunk.first_frame, end: chunk.end_frame }
    const problem = made.kind === 'ok' ? framesProblem(made.picture, video.fps, span) : made.reason
    if (problem !== null) return mishap('CHUNK_MISMATCH', `chunk ${chunk.index}, rendition ${index}: ${problem}`)
    await store.put(`${partsKey}${chunkName(chunk.index, index)}`, path, PART_HEADERS, signal)
  }
  return { kind: 'done' }
}

/**
 * The plan of a chunk alone. Only the last one may end before it has all of its frames, and repeat the last of them.
 */
function planOfChunk({ plan, chunk }: ChunkOf): EncodePlan {
  const { picture } = plan.reading
  const isLast = chunk.end_frame === picture?.frames
  return {
    ...plan,
    audio: null,
    reading: {
      ...plan.reading,
      sound: null,
      picture: picture && {
        ...picture,
        index: 0,
        chunk: { firstFrame: chunk.first_frame },
        leadFrames: 0,
        frames: chunk.end_frame - chunk.first_frame,
        padFrames: isLast ? picture.padFrames : 0,
      },
    },
  }
}

/**
 * ffmpeg takes the same off every time that it takes off where it reads the whole source, in one step, so that it is
 * rounded alike; with `-copyts` it does nothing else to them.
 */
function chunkArgs(of: ChunkOf, video: NonNullable<OutputPlan['video']>, piecePath: string): string[] {
  const { plan, startSec, chunk } = of
  const offsetSec = HEADROOM_SEC + startSec
  const isSegmented = plan.segmentSec !== null
  const output = (rendition: PlannedRendition) => [
    ['-map', `[v${rendition.index}]`, ...videoEncoderArgs(video, rendition, { stream: 0, isSegmented })],
    ['-fps_mode', 'passthrough', ...EXACT_CLOCK],
    ['-output_ts_offset', String(HEADROOM_SEC), '-f', 'mp4', chunkName(chunk.index, rendition.index)],
  ]
  return [
    [...QUIET, ...INPUT_OPTIONS, '-copyts', '-itsoffset', (-offsetSec).toFixed(6), '-i', inputUrl(piecePath)],
    ['-filter_complex', filterGraph(planOfChunk(of), { sounds: 0 })],
    ...video.renditions.flatMap(output),
  ].flat()
}
