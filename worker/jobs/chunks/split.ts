import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { ChunkPlan } from '../../../shared/contract/jobs.ts'
import { inParallel } from '../../platform/in-parallel.ts'
import type { Probe } from '../../platform/probed-media.ts'
import { encode } from '../encode/encode.ts'
import { type EncodeResult, runEncoder } from '../encode/run-encoder.ts'
import type { EncodePlan } from '../encode-plan.ts'
import type { Unfinished } from '../failure.ts'
import { cutArgs, pieceProblem } from './cut.ts'
import { chunksWanted, type Cut, planChunks, type Wanted } from './grid.ts'
import { type ChunkRun, PART_HEADERS, pieceName, SOUND_NAME } from './parts.ts'
import { type Picture, readPicture } from './picture.ts'
import { isBorderProven } from './prove.ts'

export type SplitSource = { readonly path: string; readonly probe: Probe; readonly plan: EncodePlan }

type SplitRun = ChunkRun & {
  /** Resolves when something may be put into the store. */
  readonly beforeStoring: () => Promise<void>
  /** 0 to 1. */
  readonly onProgress: (share: number) => void
}

/** `whole`: the job is better encoded by one worker, or cannot be split exactly; nothing was stored, `dir` is empty. */
type SplitResult =
  | { readonly kind: 'split'; readonly plan: ChunkPlan }
  | { readonly kind: 'whole'; readonly reason: string }
  | Unfinished

const PARALLEL_PUTS = 4

/**
 * Splits a job, where that is wanted and can be done exactly: copies a piece of the source for each chunk, encodes the
 * sound of the whole output, and stores both below `partsKey`, from where `encodeChunk` and `joinChunks` take them. The
 * pieces are proven before: each holds the source's packets with their times to the tick, and at each border a decoder
 * that begins with the piece shows what one shows that comes from before. Whatever cannot be proven is encoded whole.
 * @throws StoreError
 */
export async function splitSource(source: SplitSource, wanted: Wanted, run: SplitRun): Promise<SplitResult> {
  const { plan, probe } = source
  if (probe.video === null || chunksWanted(plan, wanted) < 2) return whole('one worker is enough')
  const read = await readPicture(source.path, { ...run, index: probe.video.index })
  if (run.signal.aborted) return { kind: 'aborted' }
  if (read.kind !== 'ok') return whole(read.reason)
  const cuts = planChunks(plan, { startSec: probe.startSec, picture: read.picture }, wanted)
  if (cuts === null) return whole('the source has too few key frames')
  const dir = join(run.dir, 'pieces')
  await mkdir(dir)
  const inDir = { ...run, dir }
  try {
    const problem = await makePieces({ ...source, video: probe.video, picture: read.picture }, cuts, inDir)
    if (run.signal.aborted) return { kind: 'aborted' }
    if (problem !== null) return whole(problem)
    const sound = await encodeSound(source, inDir)
    if (sound.kind !== 'done') return sound
    await storeParts([...cuts.map(({ chunk }) => pieceName(chunk.index)), ...soundNames(plan)], inDir)
    return { kind: 'split', plan: { chunks: cuts.map(({ chunk }) => chunk), source: { ...probe } } }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function whole(reason: string): SplitResult {
  return { kind: 'whole', reason }
}

/** What the join finds in the store beside the chunks. */
export function soundNames({ audio }: EncodePlan): readonly string[] {
  return audio === null ? [] : [SOUND_NAME]
}

type Track = SplitSource & { readonly video: NonNullable<Probe['video']>; readonly picture: Picture }

/** Copies the pieces and proves them; gives why they cannot be used. */
async function makePieces(track: Track, cuts: readonly Cut[], run: SplitRun): Promise<string | null> {
  const { plan, picture, video, probe } = track
  const cut = await runEncoder(cutArgs(track, cuts), {
    ...run,
    // Copies are not much larger than the source; a full disk ends them.
    maxOutputBytes: Infinity,
    onProgress: ({ outTimeSec }) => run.onProgress(Math.min(1, outTimeSec / plan.durationSec) * SHARE.cut),
  })
  if (cut.kind !== 'done') return cut.kind === 'failed' ? cut.failure.message : 'aborted'
  for (const [i, one] of cuts.entries()) {
    const piecePath = join(run.dir, pieceName(one.chunk.index))
    const piece = await readPicture(piecePath, { ...run, index: 0 })
    const problem = piece.kind === 'ok' ? pieceProblem(piece.picture, picture, one) : piece.reason
    if (problem !== null) return problem
    const border = {
      cut: one,
      piecePath,
      sourcePath: track.path,
      index: video.index,
      startSec: probe.startSec,
      picture,
    }
    const isProven = i === 0 || (await isBorderProven(border, run))
    if (!isProven) return `the source cannot be decoded from the key frame before frame ${one.chunk.first_frame} on`
    run.onProgress(SHARE.cut + (SHARE.proof * (i + 1)) / cuts.length)
  }
  return null
}

/** Of the time that a split takes; storing is the rest. */
const SHARE = { cut: 0.2, proof: 0.3, sound: 0.3 }

/** Encodes the sound alone, as it is encoded beside a picture, into the file that an output without one is. */
async function encodeSound({ path, plan }: SplitSource, run: SplitRun): Promise<EncodeResult> {
  if (plan.audio === null) return { kind: 'done' }
  const alone: EncodePlan = { ...plan, container: 'mp4', video: null, reading: { ...plan.reading, picture: null } }
  return encode(path, alone, {
    ...run,
    onProgress: ({ outTimeSec }) => {
      run.onProgress(SHARE.cut + SHARE.proof + SHARE.sound * Math.min(1, outTimeSec / plan.durationSec))
    },
  })
}

async function storeParts(names: readonly string[], run: SplitRun): Promise<void> {
  const { store, partsKey, dir, signal } = run
  await run.beforeStoring()
  let stored = 0
  await inParallel(
    names,
    async (name, abort) => {
      await store.put(`${partsKey}${name}`, join(dir, name), PART_HEADERS, abort)
      stored += 1
      const before = SHARE.cut + SHARE.proof + SHARE.sound
      run.onProgress(before + ((1 - before) * stored) / names.length)
    },
    { limit: PARALLEL_PUTS, signal },
  )
}
