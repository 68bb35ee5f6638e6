import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { Chunk } from '../../../shared/contract/jobs.ts'
import { inParallel } from '../../platform/in-parallel.ts'
import { INPUT_OPTIONS, inputUrl } from '../../platform/media-input.ts'
import { StoreError } from '../../platform/stores/store.ts'
import type { EncodePlan } from '../encode-plan.ts'
import { outputArgs, QUIET, type Tracks } from '../encode/arguments.ts'
import { runEncoder } from '../encode/run-encoder.ts'
import { mishap, type Unfinished } from '../failure.ts'
import type { OutputPlan } from '../output-plan.ts'
import { framesProblem } from './encoded-frames.ts'
import { encodeChunk } from './encode-chunk.ts'
import { HEADROOM_SEC, joinFragments } from './fragments.ts'
import { chunkName, type ChunkRun } from './parts.ts'
import { readPicture } from './picture.ts'
import { soundNames } from './split.ts'

const PARALLEL_GETS = 4

/** Of the time that a join takes. */
const SHARE = { fetch: 0.5, join: 0.2 }

type Split = {
  /** Of the whole output. */
  readonly plan: EncodePlan
  /** When the source's clock begins: the probe's. */
  readonly startSec: number
  readonly chunks: readonly Chunk[]
}
type JoinRun = ChunkRun & { readonly outDir: string; readonly onProgress: (share: number) => void }
type Joined = { readonly kind: 'done' } | Unfinished
type Video = NonNullable<OutputPlan['video']>

/**
 * Puts an output together from its chunks and its sound: `outDir`, which must be there, then holds what `encode` would
 * have left there. Nothing is encoded but a chunk that is lost, or is not as it should be any more: that one alone. `dir`
 * is for what lies between. The frames of each rendition are counted as a whole once more: `CHUNK_MISMATCH` where one is
 * missing, double or at another time.
 * @throws StoreError
 */
export async function joinChunks(split: Split, run: JoinRun): Promise<Joined> {
  const { plan } = split
  const { video } = plan
  if (video === null) throw new Error('chunks without a picture')
  const lost = await fetchParts(split, video, run)
  const redone = await encodeAgain(split, lost, run)
  if (redone.kind !== 'done') return redone
  for (const { index } of video.renditions) {
    const joined = await joinRendition(split, { video, index }, run)
    if (joined.kind !== 'done') return joined
    run.onProgress(SHARE.fetch + (SHARE.join * (index + 1)) / video.renditions.length)
  }
  return runEncoder(joinArgs(plan, video, run.dir), {
    ...run,
    dir: run.outDir,
    onProgress: ({ outTimeSec }) => {
      const before = SHARE.fetch + SHARE.join
      run.onProgress(before + (1 - before) * Math.min(1, outTimeSec / plan.durationSec))
    },
  })
}

/** Gives the chunks of which something is not in the store any more. */
async function fetchParts({ plan, chunks }: Split, video: Video, run: JoinRun): Promise<readonly Chunk[]> {
  const pieces = video.renditions.flatMap(({ index }) =>
    chunks.map((chunk) => ({ name: chunkName(chunk.index, index), chunk })),
  )
  const parts = [...pieces, ...soundNames(plan).map((name) => ({ name, chunk: null }))]
  const lost = new Set<Chunk>()
  let fetched = 0
  await inParallel(
    parts,
    async ({ name, chunk }, abort) => {
      await fetchPart(name, { ...run, signal: abort }).catch((error: unknown) => {
        if (chunk === null || !(error instanceof StoreError) || error.code !== 'STORE_NOT_FOUND') throw error
        lost.add(chunk)
      })
      fetched += 1
      run.onProgress((SHARE.fetch * fetched) / parts.length)
    },
    { limit: PARALLEL_GETS, signal: run.signal },
  )
  return [...lost]
}

function fetchPart(name: string, { store, partsKey, dir, signal }: ChunkRun): Promise<void> {
  return store.get(`${partsKey}${name}`, join(dir, name), signal)
}

/** Encodes chunks once more from their pieces of the source, and puts them in the place of those that were here. */
async function encodeAgain({ plan, startSec }: Split, chunks: readonly Chunk[], run: ChunkRun): Promise<Joined> {
  for (const chunk of chunks) {
    const dir = join(run.dir, `again_${chunk.index}`)
    await mkdir(dir)
    const encoded = await encodeChunk({ plan, startSec, chunk }, { ...run, dir, onProgress: () => {} })
    if (encoded.kind !== 'done') return encoded
    await rm(dir, { recursive: true })
    for (const { index } of plan.video?.renditions ?? []) await fetchPart(chunkName(chunk.index, index), run)
  }
  return { kind: 'done' }
}

type Rendition = { readonly video: Video; readonly index: number }

/** Joins a rendition's chunks, which then are gone. */
async function joinRendition(split: Split, rendition: Rendition, run: ChunkRun): Promise<Joined> {
  let problem = await joinProblem(split, rendition, run)
  const broken = problem === null || run.signal.aborted ? [] : await brokenChunks(split, rendition, run)
  // Where none of them is right, it is not they who are to blame.
  if (broken.length > 0 && broken.length < split.chunks.length) {
    const redone = await encodeAgain(split, broken, run)
    if (redone.kind !== 'done') return redone
    problem = await joinProblem(split, rendition, run)
  }
  if (run.signal.aborted) return { kind: 'aborted' }
  if (problem !== null) return mishap('CHUNK_MISMATCH', `rendition ${rendition.index}: ${problem}`)
  await Promise.all(split.chunks.map((chunk) => rm(join(run.dir, chunkName(chunk.index, rendition.index)))))
  return { kind: 'done' }
}

/** Joins a rendition's chunks, and gives what is wrong with it. */
async function joinProblem({ plan, chunks }: Split, { video, index }: Rendition, run: ChunkRun) {
  const paths = chunks.map((chunk) => join(run.dir, chunkName(chunk.index, index)))
  const target = join(run.dir, renditionName(index))
  const problem = await joinFragments(paths, target, run.signal)
  const end = plan.reading.picture?.frames ?? 0
  return problem ?? (await pictureProblem(target, video, { first: 0, end }, run))
}

async function brokenChunks({ chunks }: Split, { video, index }: Rendition, run: ChunkRun): Promise<readonly Chunk[]> {
  const broken: Chunk[] = []
  for (const chunk of chunks) {
    const path = join(run.dir, chunkName(chunk.index, index))
    const span = { first: chunk.first_frame, end: chunk.end_frame }
    if ((await pictureProblem(path, video, span, run)) !== null) broken.push(chunk)
  }
  return broken
}

async function pictureProblem(path: string, { fps }: Video, span: { first: number; end: number }, run: ChunkRun) {
  const read = await readPicture(path, { ...run, index: 0 })
  return read.kind === 'ok' ? framesProblem(read.picture, fps, span) : read.reason
}

function renditionName(index: number): string {
  return `rendition_${index}.mp4`
}

/** Arguments of the run that muxes an output: that of an encode in one piece, with every track copied. */
function joinArgs(plan: EncodePlan, { renditions }: Video, dir: string): string[] {
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
