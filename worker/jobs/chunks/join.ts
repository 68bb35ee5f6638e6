import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { Chunk } from '../../../shared/contract/jobs.ts'
import { inParallel } from '../../platform/in-parallel.ts'
import { INPUT_OPTIONS, inputUrl } from '../../platform/media-input.ts'
import type { EncodePlan } from '../encode-plan.ts'
import { outputArgs, QUIET, type Tracks } from '../encode/arguments.ts'
import { runEncoder } from '../encode/run-encoder.ts'
import { mishap, type Unfinished } from '../failure.ts'
import type { OutputPlan } from '../output-plan.ts'
import { framesProblem } from './encoded-frames.ts'
import { HEADROOM_SEC, joinFragments } from './fragments.ts'
import { chunkName, type ChunkRun } from './parts.ts'
import { readPicture } from './picture.ts'
import { soundNames } from './split.ts'

const PARALLEL_GETS = 4

/** Of the time that a join takes. */
const SHARE = { fetch: 0.5, join: 0.2 }

/**
 * Puts an output together from its chunks and its sound, without encoding anything: `outDir`, which must be there, then
 * holds what `encode` would have left there. `dir` is for what lies between. The frames of each rendition are counted
 * as a whole once more: `CHUNK_MISMATCH` where one is missing, double or at another time.
 * @throws StoreError
 */
export async function joinChunks(
  { plan, chunks }: { readonly plan: EncodePlan; readonly chunks: readonly Chunk[] },
  run: ChunkRun & { readonly outDir: string; readonly onProgress: (share: number) => void },
): Promise<{ readonly kind: 'done' } | Unfinished> {
  const { video } = plan
  if (video === null) throw new Error('chunks without a picture')
  const names = video.renditions.flatMap(({ index }) => chunks.map((chunk) => chunkName(chunk.index, index)))
  await fetchParts([...names, ...soundNames(plan)], run)
  for (const { index } of video.renditions) {
    const problem = await joinRendition({ video, chunks, index, frames: plan.reading.picture?.frames ?? 0 }, run)
    if (run.signal.aborted) return { kind: 'aborted' }
    if (problem !== null) return mishap('CHUNK_MISMATCH', `rendition ${index}: ${problem}`)
    run.onProgress(SHARE.fetch + (SHARE.join * (index + 1)) / video.renditions.length)
  }
  return runEncoder(joinArgs(plan, video, run.dir), {
    ...run,
    dir: run.outDir,
    durationSec: plan.durationSec,
    onProgress: ({ outTimeSec }) => {
      const before = SHARE.fetch + SHARE.join
      run.onProgress(before + (1 - before) * Math.min(1, outTimeSec / plan.durationSec))
    },
  })
}

async function fetchParts(names: readonly string[], run: Parameters<typeof joinChunks>[1]): Promise<void> {
  const { store, partsKey, dir, signal } = run
  let fetched = 0
  await inParallel(
    names,
    async (name, abort) => {
      await store.get(`${partsKey}${name}`, join(dir, name), abort)
      fetched += 1
      run.onProgress((SHARE.fetch * fetched) / names.length)
    },
    { limit: PARALLEL_GETS, signal },
  )
}

type Rendition = {
  readonly video: NonNullable<OutputPlan['video']>
  readonly chunks: readonly Chunk[]
  readonly index: number
  /** Of the whole output. */
  readonly frames: number
}

/** Joins a rendition's chunks, which then are gone; gives what is wrong with it. */
async function joinRendition({ video, chunks, index, frames }: Rendition, run: ChunkRun): Promise<string | null> {
  const paths = chunks.map((chunk) => join(run.dir, chunkName(chunk.index, index)))
  const target = join(run.dir, renditionName(index))
  const problem = await joinFragments(paths, target, run.signal)
  if (problem !== null) return problem
  await Promise.all(paths.map((path) => rm(path)))
  const joined = await readPicture(target, { ...run, index: 0 })
  return joined.kind === 'ok' ? framesProblem(joined.picture, video.fps, { first: 0, end: frames }) : joined.reason
}

function renditionName(index: number): string {
  return `rendition_${index}.mp4`
}

/** Arguments of the run that muxes an output: that of an encode in one piece, with every track copied. */
function joinArgs(plan: EncodePlan, { renditions }: NonNullable<OutputPlan['video']>, dir: string): string[] {
  const inputs = [
    ...renditions.map(({ index }) => ({ name: renditionName(index), offsetSec: -HEADROOM_SEC })),
    ...soundNames(plan).map((name) => ({ name, offsetSec: 0 })),
  ]
  const opened = inputs.map(({ name, offsetSec }) => {
    return [...INPUT_OPTIONS, '-itsoffset', String(offsetSec), '-i', inputUrl(join(dir, name))]
  })
  const copied: Tracks = {
    picture: ({ index }, { stream }) => ['-map', `${index}:v:0`, `-c:v:${stream}`, 'copy'],
    sound: () => (plan.audio === null ? [] : ['-map', `${renditions.length}:a:0`, '-c:a', 'copy']),
  }
  return [...QUIET, '-copyts', ...opened.flat(), ...outputArgs(plan, copied)]
}
