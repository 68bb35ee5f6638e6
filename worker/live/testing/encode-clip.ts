import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { LadderRung } from '../../../shared/contract/live.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { createClock } from '../../platform/clock.ts'
import { type RunEnd, startEncoderRun } from '../encode/encoder-run.ts'
import type { FlvTag } from '../flv/flv-tag.ts'
import type { InitSegment } from '../package/init-segment.ts'
import type { JoinedSegment } from '../package/join-rungs.ts'
import type { PackagedPart } from '../package/rung-packager.ts'
import { leastSegmentMs, planRun, type RunPlan } from '../plan/plan-run.ts'
import { createStartCollector, type SourceStart } from '../source/collect-start.ts'
import { divideSegments } from '../source/measure-frames.ts'
import { probeSource } from '../source/probe-source.ts'
import { createTagQueue } from '../source/tag-queue.ts'
import type { CounterClip } from './counter-clip.ts'
import { readFrameNumbers } from '../../../shared/testing/frame-counter.ts'

/** What one run made of a clip, as fast as it could. */
export type EncodedClip = {
  readonly plan: RunPlan
  readonly start: SourceStart
  readonly end: RunEnd
  readonly segments: readonly JoinedSegment[]
  readonly inits: readonly InitSegment[]
  readonly parts: readonly { readonly rung: number; readonly part: PackagedPart }[]
  /** Returns the numbers in the pictures of a rung, by its place; of all segments, or of one. */
  readFrames(rung: number, segments?: readonly JoinedSegment[]): Promise<number[]>
  /** Returns a rung's initialization segment and segments, joined. */
  joinRung(rung: number, segments?: readonly JoinedSegment[]): Buffer
}

export type EncodeClipOptions = {
  readonly fromMs?: number
  /** No sound has come from `fromMs` on. */
  readonly isSilent?: boolean
  readonly ladder?: readonly LadderRung[]
  readonly droppedRungs?: number
  /**
   * Requests the cut once the first segment is complete. Tags from this time on follow the request, so that the segment
   * that is open then is the same one however fast the rungs are.
   */
  readonly cutBeforeMs?: number
}

/** Two small rungs. */
const SMALL_LADDER: readonly LadderRung[] = [
  { height: 180, video_kbps: 300 },
  { height: 90, video_kbps: 120 },
]

const never = new AbortController().signal

/**
 * Probes a clip, plans a run, and encodes it.
 * @throws Error where the clip cannot be read
 */
export async function encodeClip(clip: CounterClip, options: EncodeClipOptions = {}): Promise<EncodedClip> {
  const clock = createClock()
  const start = readClipStart(clip, options)
  const probe = await probeSource('ffprobe', start, never)
  if (probe.kind !== 'ok') throw new Error(probe.reason)
  const { video, hasAudio } = probe
  const plan = planRun({
    ladder: options.ladder ?? SMALL_LADDER,
    video,
    hasAudio,
    hasRegularKeyFrames: divideSegments(video.keyFrameTimesMs, 2000, 1000 / video.frameRate),
    isAtKeyFrame: start.isAtKeyFrame,
    droppedRungs: options.droppedRungs ?? 0,
  })
  const tags = createTagQueue(clock)
  const last = start.tags.at(-1)
  const later = clip.tags.slice(last === undefined ? 0 : clip.tags.indexOf(last) + 1)
  const isHeld = ({ timestampMs }: FlvTag) => timestampMs >= (options.cutBeforeMs ?? Infinity)
  void tags.add(later.filter((tag) => !isHeld(tag)))
  const addHeld = () => {
    void tags.add(later.filter(isHeld))
    tags.end(null)
  }
  if (options.cutBeforeMs === undefined) addHeld()
  const segments: JoinedSegment[] = []
  const parts: { rung: number; part: PackagedPart }[] = []
  let inits: readonly InitSegment[] = []
  const handle = startEncoderRun({
    ffmpegPath: 'ffmpeg',
    plan,
    start,
    tags,
    baseMs: clock.nowMs(),
    leastMs: (segment) => (segment === 0 && plan.isBridge ? 500 : leastSegmentMs(plan)),
    isCurrent: () => true,
    outputs: {
      onInits: () => {},
      onPart: (rung, part) => parts.push({ rung, part }),
      onSegment: (segment, all) => {
        inits = all
        segments.push(segment)
        if (segment.segment > 0 || options.cutBeforeMs === undefined) return
        handle.cut()
        addHeld()
      },
      onLag: () => {},
    },
    clock,
    stopping: never,
    killed: AbortSignal.timeout(PATIENCE_MS),
  })
  const end = await handle.ended
  const joinRung = (rung: number, chosen: readonly JoinedSegment[] = segments) =>
    Buffer.concat([inits[rung]?.bytes ?? Buffer.alloc(0), ...chosen.flatMap(({ rungs }) => rungs[rung]?.parts ?? [])])
  const readFrames = (rung: number, chosen: readonly JoinedSegment[] = segments) =>
    readNumbers(joinRung(rung, chosen), plan.rungs[rung]?.height ?? 0)
  return { plan, start, end, segments, inits, parts, joinRung, readFrames }
}

function readClipStart(clip: CounterClip, options: EncodeClipOptions): SourceStart {
  const collector = createStartCollector({
    fromMs: options.fromMs ?? null,
    isKnown: false,
    isSilent: options.isSilent ?? false,
  })
  for (const tag of clip.tags) if (!collector.isComplete()) collector.add(tag)
  const start = collector.read()
  if (start === null) throw new Error('the clip has no picture')
  return start
}

async function readNumbers(media: Buffer, height: number): Promise<number[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-frames-'))
  try {
    const path = join(dir, 'media.mp4')
    await writeFile(path, media)
    return await readFrameNumbers(path, height)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
