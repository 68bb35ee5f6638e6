/**
 * Analyzes the segments of one rendition in order. A segment is demultiplexed first: that shows which tracks it has, how
 * long they are and in which codecs. Its packets then go to the rendition's decoders. A picture of many lines is decoded
 * by its keyframes as long as these show nothing and no span of a threshold's length fits between them; otherwise every
 * frame is decoded, and those of the previous segment too where a span began there.
 */

import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import type { DemuxedSegment, MediaPacket } from '../../media/demux/media-packet.ts'
import type { TrackSelection } from '../stream.ts'
import type { Detector } from './detectors/detector.ts'
import { DETECTORS } from './detectors/list.ts'
import type { SegmentFindings } from './findings.ts'
import { createFrameCollector, type FrameCollector, type SavedMeasures } from './frame-collector.ts'
import { createSegmentJudge, findMarkedPictures, NO_KEYFRAME } from './judge-segment.ts'
import { canUseKeyframes } from './keyframe-sampling.ts'
import { createMediaReader, type FetchedSegment } from './media-reader.ts'
import { createRenditionDecoder, type DecodeResult, type RenditionDecoder } from './rendition-decoder.ts'
import type { BatchLimit, PacketBatch } from './running-decoder.ts'

/** A segment to analyze. */
export type DownloadedSegment = FetchedSegment & {
  readonly tracks: TrackSelection
  /** It does not directly follow the one analyzed before. */
  readonly isAfterGap: boolean
  /** A picture's condition lasted when the last segment was analyzed, perhaps by another probe. */
  readonly hasPictureRun?: boolean
}

/**
 * `durationSec` is that of the media, which the playlist may not say; `follows`: by its timestamps it directly follows the
 * segment before it; `pictures`: how many were decoded. `encrypted`: by its media, every track is, as `method` says.
 */
export type SegmentAnalysis =
  | {
      readonly kind: 'analyzed'
      readonly findings: SegmentFindings
      readonly durationSec: number
      readonly follows?: boolean
      readonly pictures: number
    }
  | { readonly kind: 'encrypted'; readonly method: string }
  | { readonly kind: 'failed'; readonly error: string }

/** Analyzes the segments of one rendition in order. A call must not start before the previous one has ended. */
export type SegmentProbe = AsyncDisposable & {
  analyze(segment: DownloadedSegment, signal: AbortSignal): Promise<SegmentAnalysis>
}

/** Limits of the wall-clock time for a segment's analysis, which is twice its duration. */
const MIN_BUDGET_MS = 10_000
const MAX_BUDGET_MS = 120_000

/** Creates a probe for one rendition. It runs the detectors whose threshold is not 0. Disposing ends its decoders. */
export function createSegmentProbe(options: { ffmpegPath: string; config: MonitorConfig }): SegmentProbe {
  const { ffmpegPath, config } = options
  const detectors = DETECTORS.filter((detector) => config[detector.threshold] > 0)
  const collector = createFrameCollector(config.silence_db_threshold)
  const decoder = createRenditionDecoder(ffmpegPath, collector)
  const depths = createDepthChooser({ detectors, config, collector, decoder })
  const judge = createSegmentJudge(detectors, config)
  const reader = createMediaReader()

  async function analyze(segment: DownloadedSegment, signal: AbortSignal): Promise<SegmentAnalysis> {
    const { tracks: selection, isAfterGap, hasPictureRun = false } = segment
    if (isAfterGap) for (const part of [decoder, judge, depths, reader]) part.interrupt()
    const read = reader.read(segment)
    if (read.kind === 'failed') return read
    const { media, extents, durationSec, follows } = read
    const batch = selectPackets(media, selection)
    const method = findEncryption(batch)
    if (method !== null) return { kind: 'encrypted', method }
    collector.begin(batch)
    const limit = { deadlineMs: performance.now() + computeBudgetMs(durationSec), signal }
    const needsAll = hasPictureRun || judge.isDetecting()
    const decoded = await depths.decode(batch, { toSec: extents.picture.toSec, needsAll, limit })
    if (decoded.kind === 'failed') return decoded
    const frames = collector.frames()
    const findings = judge.judge({ media, extents, durationSec, frames, errors: decoded.errors, selection })
    const problem = findProblem(findings)
    if (problem !== null) return { kind: 'failed', error: problem }
    return { kind: 'analyzed', findings, durationSec, follows, pictures: frames.pictures.length }
  }

  return { analyze, [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose]() }
}

function selectPackets({ picture, sound }: DemuxedSegment, selection: TrackSelection): PacketBatch {
  return {
    picture: selection === 'sound' ? [] : picture.packets,
    sound: selection === 'picture' ? [] : sound.packets,
  }
}

/** Returns how the packets of a segment are encrypted, by their codecs; `null` where one is clear. */
function findEncryption({ picture, sound }: PacketBatch): string | null {
  const codecs = new Set([...picture, ...sound].map(({ format }) => format.codec))
  const isEncrypted = codecs.size > 0 && [...codecs].every((codec) => codec.startsWith(ENCRYPTED))
  return isEncrypted ? [...codecs].map((codec) => codec.slice(ENCRYPTED.length).trim() || 'fMP4').join(', ') : null
}

/** How the names of codecs begin that only a licensed player can decrypt. */
const ENCRYPTED = 'encrypted'

function computeBudgetMs(durationSec: number): number {
  return Math.min(MAX_BUDGET_MS, Math.max(MIN_BUDGET_MS, 2000 * durationSec))
}

/** Returns why a segment was not judged: none of its tracks could be decoded. */
function findProblem({ picture, sound }: SegmentFindings): string | null {
  const findings = Object.entries({ picture, sound }).flatMap(([name, track]) =>
    track === null ? [] : [{ name, track }],
  )
  const problems = findings.flatMap(({ name, track }) => {
    if (track.kind !== 'undecodable' || track.error === NO_KEYFRAME) return []
    return [`${name} in ${track.codec} cannot be decoded: ${track.error}`]
  })
  const isJudged = findings.some(({ track }) => track.kind === 'present')
  return isJudged ? null : (problems[0] ?? null)
}

type DepthOptions = { readonly toSec: number; readonly needsAll: boolean; readonly limit: BatchLimit }

/** Decodes segments at the least depth that shows every span. */
type DepthChooser = {
  /** Decodes a segment whose picture ends at `toSec`; `needsAll`: a span may go on from before it. */
  decode(batch: PacketBatch, options: DepthOptions): Promise<DecodeResult>
  /** Notes that the next segment does not follow the last one. */
  interrupt(): void
}

/** A segment of which the keyframes were decoded only, and the measures before it. */
type SampledSegment = { readonly picture: readonly MediaPacket[]; readonly saved: SavedMeasures }

type DepthChooserOptions = {
  readonly detectors: readonly Detector[]
  readonly config: MonitorConfig
  readonly collector: FrameCollector
  readonly decoder: RenditionDecoder
}

function createDepthChooser({ detectors, config, collector, decoder }: DepthChooserOptions): DepthChooser {
  const thresholds = detectors
    .filter((detector) => detector.track === 'picture' && detector.pictures !== 'none')
    .map(({ threshold }) => config[threshold])
  let sampled: SampledSegment | null = null

  /** Decodes every frame of segments in a row, where keyframes were not enough. */
  async function deepen(segments: readonly (readonly MediaPacket[])[], limit: BatchLimit): Promise<DecodeResult> {
    let result: DecodeResult = { kind: 'decoded', errors: { picture: null, sound: null } }
    for (const picture of segments) {
      result = await decoder.decode({ picture, sound: [] }, 'all', limit)
      if (result.kind === 'failed') break
    }
    return result
  }

  /** Decodes keyframes, and all frames if these show anything. */
  async function sample(batch: PacketBatch, before: SampledSegment | null, limit: BatchLimit): Promise<DecodeResult> {
    const saved = collector.save()
    const keys = batch.picture.filter(({ isIndependent }) => isIndependent)
    const first = await decoder.decode({ ...batch, picture: keys }, 'keys', limit)
    if (first.kind === 'failed') return first
    const marked = findMarkedPictures(collector.frames().pictures, detectors)
    if (!marked.any && marked.count === keys.length) {
      sampled = { picture: batch.picture, saved }
      return first
    }
    const extended = marked.first ? before : null
    collector.restore((extended ?? { saved }).saved, ['picture'])
    const segments = extended === null ? [batch.picture] : [extended.picture, batch.picture]
    const all = await deepen(segments, limit)
    return all.kind === 'failed' ? all : { ...all, errors: { ...all.errors, sound: first.errors.sound } }
  }

  return {
    async decode(batch, { toSec, needsAll, limit }) {
      const before = sampled
      sampled = null
      const isSampled = !needsAll && canUseKeyframes(batch.picture, toSec, Math.min(...thresholds))
      return isSampled ? sample(batch, before, limit) : decoder.decode(batch, 'all', limit)
    },
    interrupt() {
      sampled = null
    },
  }
}
