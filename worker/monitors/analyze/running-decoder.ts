/**
 * One ffmpeg that decodes the packets of a rendition for as long as their formats stay. A batch is complete when ffmpeg
 * has passed on the marker behind it. The decoder may hold back frames of its end for reordering: they come with the next
 * batch, or when the input ends.
 */

import type { MediaPacket } from '../../media/demux/media-packet.ts'
import { type MatroskaBlock, writeMatroskaBlocks, writeMatroskaStart } from '../../media/matroska.ts'
import { PROGRAM_LIMITS } from '../../platform/program-limits.ts'
import { type ProgramExit, type RunningProgram, startProgram } from '../../platform/start-program.ts'
import { createWakeSignal, type WakeSignal } from '../../platform/wake-signal.ts'
import type { TrackKind } from '../stream.ts'
import { buildDecoderArguments, type DecoderFormats, listDecoderTracks } from './decoder-arguments.ts'
import { createDecoderOutputReader, type DecoderOutputReader } from './decoder-output.ts'
import { createPacketNumbers, MAX_HELD_FRAMES, NUMBER_STEP, type PacketNumbers } from './packet-numbers.ts'

/** Packets to decode, by track, each in decoding order. */
export type PacketBatch = Readonly<Record<TrackKind, readonly MediaPacket[]>>

/** Receives the decoded frames of each track in presentation order. Values are valid during the call only. */
export type FrameHandlers = {
  readonly onPicture: (packet: MediaPacket, blackPercent: number, small: Uint8Array) => void
  readonly onSound: (packet: MediaPacket, samples: Int16Array) => void
}

/** Time limit of a batch, on the clock of `performance.now()`. */
export type BatchLimit = { readonly deadlineMs: number; readonly signal: AbortSignal }

/** `refused`: the decoder ended by itself, as it would again; `stopped`: it was killed, or has taken too long. */
export type DecoderFailure = {
  readonly kind: 'failed'
  readonly cause: 'refused' | 'stopped'
  readonly error: string
}
export type BatchResult = { readonly kind: 'done' } | DecoderFailure

export type RunningDecoder = AsyncDisposable & {
  readonly formats: DecoderFormats
  isAlive(): boolean
  /** Decodes a batch. A failed decoder is of no further use. */
  decode(batch: PacketBatch, limit: BatchLimit): Promise<BatchResult>
  /** Decodes a batch whose pictures are independent, and copies of the last one until no picture is held back. */
  decodeKeys(batch: PacketBatch, limit: BatchLimit): Promise<BatchResult>
  /** Ends the input: frames that were held back arrive before the decoder exits. */
  finish(limit: BatchLimit): Promise<BatchResult>
}

export type RunningDecoderOptions = {
  readonly ffmpegPath: string
  readonly formats: DecoderFormats
  readonly handlers: FrameHandlers
}

/** An ffmpeg with a thread per decoder may pass on the marker early; then its output ends with a pause. */
const QUIET_MS = 150
const MAX_ERROR_CHARS = 200
const NEVER = new AbortController().signal

type DecoderState = {
  readonly formats: DecoderFormats
  readonly program: RunningProgram
  readonly numbers: Readonly<Record<TrackKind, PacketNumbers>>
  readonly reader: DecoderOutputReader
  readonly progress: WakeSignal
  /** Number of the newest marker that came back. */
  marker: number
  /** Time of the newest output, on the clock of `performance.now()`. */
  outputMs: number
  exit: ProgramExit | null
  /** Copies that it takes to push out the last keyframe. */
  keyCopies: number
}

/** Starts a decoder for these formats. */
export function startDecoder(options: RunningDecoderOptions): RunningDecoder {
  const state = startState(options)
  const { program, formats } = state
  void program.write(writeMatroskaStart(listDecoderTracks(formats)))
  return {
    formats,
    isAlive: () => state.exit === null,
    decode: (batch, limit) =>
      runLimited(state, limit, async () => {
        await settle(state, await send(state, toBlocks(state, batch)))
        state.numbers.picture.acceptHeld()
        state.numbers.sound.acceptHeld()
      }),
    decodeKeys: (batch, limit) => runLimited(state, limit, () => decodeKeys(state, batch)),
    finish: (limit) =>
      runLimited(state, limit, async () => {
        program.closeInput()
        await program.exited
      }),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}

function startState({ ffmpegPath, formats, handlers }: RunningDecoderOptions): DecoderState {
  const numbers = { picture: createPacketNumbers(), sound: createPacketNumbers() }
  const progress = createWakeSignal()
  const note = () => {
    state.outputMs = performance.now()
    progress.wake()
  }
  const reader = createDecoderOutputReader({
    onPicture(number, blackPercent, small) {
      const packet = numbers.picture.take(number)
      if (packet !== undefined) handlers.onPicture(packet, blackPercent, small)
      note()
    },
    onSound(number, samples) {
      const packet = numbers.sound.take(number)
      if (packet !== undefined) handlers.onSound(packet, samples)
      note()
    },
    onMarker(number) {
      state.marker = number
      note()
    },
  })
  const limits = PROGRAM_LIMITS.decoder
  const program = startProgram(ffmpegPath, buildDecoderArguments(formats), { pipes: 3, limits })
  const outputs = { outputMs: 0, marker: -1, exit: null, keyCopies: 0 }
  const state: DecoderState = { formats, program, numbers, reader, progress, ...outputs }
  const takers = [reader.takeText, reader.takePictures, reader.takeSamples]
  for (const [index, take] of takers.entries()) program.pipes[index]?.on('data', take)
  void watchExit(state)
  return state
}

async function watchExit(state: DecoderState): Promise<void> {
  state.exit = await state.program.exited
  state.progress.wake()
}

function toBlocks({ formats, numbers }: DecoderState, batch: PacketBatch): MatroskaBlock[] {
  const ofTrack = (kind: TrackKind) => {
    if (formats[kind] === null) return []
    const assigned = numbers[kind].assign(batch[kind])
    return batch[kind].map(({ isKey, bytes }, index) => {
      return { track: trackNumber(formats, kind), ms: assigned[index] ?? 0, isKey, bytes }
    })
  }
  return [...ofTrack('picture'), ...ofTrack('sound')]
}

function trackNumber(formats: DecoderFormats, kind: TrackKind): number {
  return listDecoderTracks(formats).findIndex(({ format }) => format === formats[kind]) + 1
}

/** Writes packets and a marker behind them, and returns the marker's number. */
async function send({ formats, numbers, program }: DecoderState, blocks: readonly MatroskaBlock[]): Promise<number> {
  const ms = Math.max(numbers.picture.next(), numbers.sound.next())
  numbers.picture.skipTo(ms + NUMBER_STEP)
  numbers.sound.skipTo(ms + NUMBER_STEP)
  const marker = { track: listDecoderTracks(formats).length, ms, isKey: true, bytes: Buffer.from([0x80]) }
  await program.write(writeMatroskaBlocks([...blocks, marker]))
  return ms
}

/** Waits until everything before a marker has come back, or the decoder has ended. */
async function settle(state: DecoderState, marker: number): Promise<void> {
  const { numbers, reader, progress } = state
  while (state.exit === null) {
    const isPassed = state.marker >= marker && !reader.isIncomplete()
    const isWhole = !numbers.picture.isBehind() && !numbers.sound.isBehind()
    const leftMs = QUIET_MS - (performance.now() - state.outputMs)
    if (isPassed && (isWhole || leftMs <= 0)) return
    await progress.wait(isPassed ? leftMs : Infinity, NEVER)
  }
}

async function decodeKeys(state: DecoderState, batch: PacketBatch): Promise<void> {
  const { picture } = state.numbers
  const track = trackNumber(state.formats, 'picture')
  const bytes = batch.picture.at(-1)?.bytes ?? null
  const copy = () => (bytes === null ? [] : [{ track, ms: picture.skip(), isKey: true, bytes }])
  const blocks = toBlocks(state, batch)
  const copies = Array.from({ length: state.keyCopies }, copy).flat()
  await settle(state, await send(state, [...blocks, ...copies]))
  let sent = state.keyCopies
  for (; picture.countHeld() > 0 && sent < MAX_HELD_FRAMES && state.exit === null; sent++) {
    await settle(state, await send(state, copy()))
  }
  // A damaged keyframe never comes back, however many follow.
  if (picture.countHeld() === 0) state.keyCopies = sent
}

/** Runs work until its limit, at which the decoder is killed. */
async function runLimited(
  state: DecoderState,
  { deadlineMs, signal }: BatchLimit,
  work: () => Promise<void>,
): Promise<BatchResult> {
  const { program } = state
  const budgetMs = Math.max(0, deadlineMs - performance.now())
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    program.kill()
  }, budgetMs)
  signal.addEventListener('abort', program.kill)
  if (signal.aborted) program.kill()
  try {
    await work()
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', program.kill)
  }
  if (signal.aborted) return stopped('aborted')
  if (isLate) return stopped(`ffmpeg took longer than ${Math.round(budgetMs / 1000)} s`)
  return state.exit === null ? { kind: 'done' } : describeExit(state.exit)
}

function stopped(error: string): DecoderFailure {
  return { kind: 'failed', cause: 'stopped', error }
}

function describeExit(exit: ProgramExit): BatchResult {
  if (exit.kind === 'missing') return stopped('ffmpeg cannot be started')
  if (exit.kind === 'killed') return stopped(`ffmpeg was ended by ${exit.signal}`)
  if (exit.code === 0) return { kind: 'done' }
  return { kind: 'failed', cause: 'refused', error: readLastError(exit.stderr) || `ffmpeg exited with ${exit.code}` }
}

/** Returns ffmpeg's last error message, without memory addresses. */
function readLastError(stderr: string): string {
  const lines = stderr.replaceAll(/\[[^\]]* @ 0x[0-9a-f]+\] /g, '').trim()
  return (lines.split('\n').at(-1) ?? '').trim().slice(0, MAX_ERROR_CHARS)
}
