/**
 * The decoders of one rendition. As a rule one ffmpeg decodes picture and sound. A new one starts where a format changes:
 * for both tracks where that of the picture does, for the sound alone where only its own does, because a picture cannot
 * go on without the pictures before it. A decoder that refuses its input is replaced by one per track, so that neither
 * takes the other with it.
 */

import type { MediaPacket, TrackFormat } from '../../media/demux/media-packet.ts'
import type { TrackKind } from '../stream.ts'
import { MAX_PIXELS } from './decoder-arguments.ts'
import { createDecoderSet, type DecoderTask } from './decoder-set.ts'
import type { FrameCollector } from './frame-collector.ts'
import type { BatchLimit, DecoderFailure, PacketBatch } from './running-decoder.ts'

/** How much of a picture to decode: every frame, or its keyframes, which must be independent. */
export type DecodeDepth = 'all' | 'keys'

/** Why a track's packets could not be decoded; `null` where they could. */
export type TrackErrors = Readonly<Record<TrackKind, string | null>>
export type DecodeResult =
  | { readonly kind: 'decoded'; readonly errors: TrackErrors }
  /** The decoder was stopped: nothing is known of the segment. */
  | { readonly kind: 'failed'; readonly error: string }

export type RenditionDecoder = AsyncDisposable & {
  /** Decodes a segment. The collector receives the frames. */
  decode(batch: PacketBatch, depth: DecodeDepth, limit: BatchLimit): Promise<DecodeResult>
  /** Notes that the next segment does not follow the last one: its picture begins with a keyframe. */
  interrupt(): void
}

const KINDS = ['picture', 'sound'] as const

/** Creates the decoders of a rendition; no process starts before the first segment. */
export function createRenditionDecoder(ffmpegPath: string, collector: FrameCollector): RenditionDecoder {
  const decoders = createDecoderSet(ffmpegPath, collector.handlers)
  const refusals = createRefusals()
  const head = createHeadFilter()

  /** Decodes packets of one format for each track. */
  async function decodeStep(step: PacketBatch, depth: DecodeDepth, limit: BatchLimit): Promise<DecodeResult> {
    const formats = { picture: formatOf(step.picture), sound: formatOf(step.sound) }
    const errors = { picture: refusals.describe(formats.picture), sound: refusals.describe(formats.sound) }
    const decodable = selectDecodable(step, errors)
    const wanted = { picture: formatOf(decodable.picture), sound: formatOf(decodable.sound) }
    if (await decoders.prepare(wanted, limit)) head.awaitKey()
    for (const task of decoders.assign({ ...decodable, picture: head.filter(decodable.picture) })) {
      const failure = await runTask(task, depth, limit)
      if (failure === null) continue
      const [kind, other] = kindsOf(task.batch)
      if (failure.cause === 'stopped' || kind === undefined) return failure
      if (other !== undefined) {
        decoders.split()
        return decodeStep(step, depth, limit)
      }
      errors[kind] = failure.error
      refusals.note(formats[kind])
    }
    return { kind: 'decoded', errors }
  }

  /** Runs a decoder. One that fails is ended, and what it said is taken back if another may try. */
  async function runTask({ decoder, batch }: DecoderTask, depth: DecodeDepth, limit: BatchLimit) {
    const saved = collector.save()
    const result = await (depth === 'keys' ? decoder.decodeKeys(batch, limit) : decoder.decode(batch, limit))
    if (result.kind === 'done' && decoder.isAlive()) return null
    await decoders.retire(decoder, limit)
    if (result.kind === 'done') return ENDED_EARLY
    if (result.cause === 'refused') collector.restore(saved, kindsOf(batch))
    return result
  }

  return {
    async decode(batch, depth, limit) {
      const errors: Record<TrackKind, string | null> = { picture: null, sound: null }
      for (const step of splitByFormat(batch)) {
        const result = await decodeStep(step, depth, limit)
        if (result.kind === 'failed') return result
        for (const kind of KINDS) errors[kind] ??= result.errors[kind]
      }
      return { kind: 'decoded', errors }
    },
    interrupt: head.awaitKey,
    [Symbol.asyncDispose]: () => decoders[Symbol.asyncDispose](),
  }
}

/** Drops pictures that no decoder can begin with. */
type HeadFilter = {
  awaitKey(): void
  filter(packets: readonly MediaPacket[]): readonly MediaPacket[]
}

function createHeadFilter(): HeadFilter {
  let awaitsKey = true
  return {
    awaitKey() {
      awaitsKey = true
    },
    filter(packets) {
      if (!awaitsKey || packets.length === 0) return packets
      const first = packets.findIndex(({ isKey }) => isKey)
      awaitsKey = first === -1
      return first === -1 ? [] : packets.slice(first)
    },
  }
}

const ENDED_EARLY: DecoderFailure = { kind: 'failed', cause: 'stopped', error: 'ffmpeg ended early' }

/** Returns a batch without the tracks that have an error. */
function selectDecodable({ picture, sound }: PacketBatch, errors: TrackErrors): PacketBatch {
  return { picture: errors.picture === null ? picture : [], sound: errors.sound === null ? sound : [] }
}

function formatOf([first]: readonly MediaPacket[]): TrackFormat | null {
  return first?.format ?? null
}

function kindsOf(batch: PacketBatch): TrackKind[] {
  return KINDS.filter((kind) => batch[kind].length > 0)
}

/** Formats that decoders have refused. */
type Refusals = {
  note(format: TrackFormat | null): void
  /** Returns why a format is not decoded; `null` where it may be. */
  describe(format: TrackFormat | null): string | null
}

/** Refusals after which a format is not tried again: each costs a process or two. */
const MAX_REFUSALS = 3
const MAX_KNOWN_FORMATS = 32

function createRefusals(): Refusals {
  const counts = new Map<string, number>()
  return {
    note(format) {
      if (format === null) return
      counts.set(format.key, (counts.get(format.key) ?? 0) + 1)
      for (const oldest of [...counts.keys()].slice(0, -MAX_KNOWN_FORMATS)) counts.delete(oldest)
    },
    describe(format) {
      if (format === null) return null
      if (format.matroska === null) return 'there is no decoder'
      const { key, width, height } = format
      if (width * height > MAX_PIXELS) return `a picture of ${width}x${height} is too large`
      return (counts.get(key) ?? 0) >= MAX_REFUSALS ? 'the decoder refuses it' : null
    },
  }
}

/** Splits a batch where a format changes: the first runs of both tracks, then the second ones, and so on. */
function splitByFormat({ picture, sound }: PacketBatch): PacketBatch[] {
  const [pictures, sounds] = [splitTrack(picture), splitTrack(sound)]
  const count = Math.max(pictures.length, sounds.length)
  return Array.from({ length: count }, (_, i) => ({ picture: pictures[i] ?? [], sound: sounds[i] ?? [] }))
}

function splitTrack(packets: readonly MediaPacket[]): MediaPacket[][] {
  const runs: MediaPacket[][] = []
  for (const packet of packets) {
    const run = runs.at(-1)
    if (run?.[0]?.format.key === packet.format.key) run.push(packet)
    else runs.push([packet])
  }
  return runs
}
