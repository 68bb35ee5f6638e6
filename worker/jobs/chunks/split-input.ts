/**
 * Splits a job for several workers: copies a piece of the input for each chunk, encodes the audio of the whole output,
 * and stores both below `partsKey`, from where `encodeChunk` and `joinChunks` take them.
 *
 * Every piece is verified before: it holds the input's packets at their exact times, and decoding from its keyframe
 * yields the same frames as decoding from an earlier one. An input that fails a check is not split but encoded whole.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { ChunkPlan } from '../../../shared/contract/jobs.ts'
import { mapInParallel } from '../../platform/map-in-parallel.ts'
import { encode } from '../encode/encode.ts'
import { runEncoder } from '../encode/run-encoder.ts'
import type { EncodePlan, PlannedInput } from '../plan/encode-plan.ts'
import type { FailedOrAborted, StepResult } from '../result.ts'
import type { ChunkContext } from './chunk-context.ts'
import { audioFileNames, CHUNK_FILE_HEADERS, pieceFileName } from './chunk-files.ts'
import { buildPieceArgs, findPieceProblem, type PieceInput } from './pieces.ts'
import { countChunks, planPieces, type PlannedPiece, type SplitRequest } from './plan-pieces.ts'
import { isPieceStartExact } from './verify-piece-start.ts'
import { readVideoPackets } from './video-packets.ts'

export type SplitContext = ChunkContext & {
  /** Resolves when files may be put into the store. */
  readonly beforeStoring: () => Promise<void>
  /** Called with the completed share, 0 to 1. */
  readonly onProgress: (share: number) => void
}

/** `whole`: the job should be encoded by one worker; nothing was stored, and `dir` is empty. */
export type SplitResult =
  | { readonly kind: 'split'; readonly plan: ChunkPlan }
  | { readonly kind: 'whole'; readonly reason: string }
  | FailedOrAborted

const PARALLEL_PUTS = 4

/** Shares of the time that a split takes; storing is the rest. */
const SHARE = { copy: 0.2, verify: 0.3, audio: 0.3 }

/**
 * Splits an input into chunks where that is requested and can be done exactly.
 * @throws StoreError
 */
export async function splitInput(
  input: PlannedInput,
  request: SplitRequest,
  context: SplitContext,
): Promise<SplitResult> {
  const { plan, probe } = input
  const { video, startSec } = probe
  if (video === null || countChunks(plan, request) < 2) return encodeWhole('one worker is enough')
  const read = await readVideoPackets(input.path, { ...context, index: video.index })
  if (context.signal.aborted) return { kind: 'aborted' }
  if (read.kind !== 'ok') return encodeWhole(read.reason)
  const { track } = read
  const pieces = planPieces(plan, { startSec, track }, request)
  if (pieces === null) return encodeWhole('the input has too few keyframes')
  const dir = join(context.dir, 'pieces')
  await mkdir(dir)
  const inDir = { ...context, dir }
  try {
    const problem = await copyPieces({ ...input, video, track }, pieces, inDir)
    if (context.signal.aborted) return { kind: 'aborted' }
    if (problem !== null) return encodeWhole(problem)
    const audio = await encodeAudio(input, inDir)
    if (audio.kind !== 'done') return audio
    await storeFiles([...pieces.map(({ chunk }) => pieceFileName(chunk.index)), ...audioFileNames(plan)], inDir)
    return { kind: 'split', plan: { chunks: pieces.map(({ chunk }) => chunk), source: { ...probe } } }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function encodeWhole(reason: string): SplitResult {
  return { kind: 'whole', reason }
}

/** Copies and verifies the pieces. Returns `null`, or why they cannot be used. */
async function copyPieces(
  input: PlannedInput & PieceInput,
  pieces: readonly PlannedPiece[],
  context: SplitContext,
): Promise<string | null> {
  const { plan, track, video, probe } = input
  const copied = await runEncoder(buildPieceArgs(input, pieces), {
    ...context,
    // Copies are not much larger than the input, and a full disk ends the run.
    maxOutputBytes: Infinity,
    onProgress: ({ outTimeSec }) => context.onProgress(Math.min(1, outTimeSec / plan.durationSec) * SHARE.copy),
  })
  if (copied.kind !== 'done') return copied.kind === 'failed' ? copied.failure.message : 'aborted'
  for (const [i, piece] of pieces.entries()) {
    const { chunk } = piece
    const piecePath = join(context.dir, pieceFileName(chunk.index))
    const read = await readVideoPackets(piecePath, { ...context, index: 0 })
    const problem = read.kind === 'ok' ? findPieceProblem(read.track, track, piece) : read.reason
    if (problem !== null) return problem
    const start = { piece, piecePath, inputPath: input.path, index: video.index, startSec: probe.startSec, track }
    const isExact = i === 0 || (await isPieceStartExact(start, context))
    if (!isExact) return `the input cannot be decoded from the keyframe before frame ${chunk.first_frame}`
    context.onProgress(SHARE.copy + (SHARE.verify * (i + 1)) / pieces.length)
  }
  return null
}

/** Encodes the audio of the whole output into the file of an output of audio alone. */
async function encodeAudio({ path, plan }: PlannedInput, context: SplitContext): Promise<StepResult> {
  if (plan.audio === null) return { kind: 'done' }
  const audioPlan: EncodePlan = { ...plan, container: 'mp4', video: null, input: { ...plan.input, video: null } }
  return encode(path, audioPlan, {
    ...context,
    onProgress: ({ outTimeSec }) => {
      context.onProgress(SHARE.copy + SHARE.verify + SHARE.audio * Math.min(1, outTimeSec / plan.durationSec))
    },
  })
}

async function storeFiles(names: readonly string[], context: SplitContext): Promise<void> {
  const { store, partsKey, dir, signal } = context
  await context.beforeStoring()
  let stored = 0
  await mapInParallel(
    names,
    async (name, fileSignal) => {
      await store.put(`${partsKey}${name}`, join(dir, name), CHUNK_FILE_HEADERS, fileSignal)
      stored += 1
      const before = SHARE.copy + SHARE.verify + SHARE.audio
      context.onProgress(before + ((1 - before) * stored) / names.length)
    },
    { limit: PARALLEL_PUTS, signal },
  )
}
