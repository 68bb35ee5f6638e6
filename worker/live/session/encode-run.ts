import { type EncodedRung, type EncoderRun, MAX_SEGMENT_SEC } from '../../../shared/contract/live.ts'
import type { Broadcast } from '../broadcast.ts'
import { type RunEnd, startEncoderRun } from '../encode/encoder-run.ts'
import type { InitSegment } from '../package/init-segment.ts'
import type { JoinedSegment } from '../package/join-rungs.ts'
import type { PackagedPart } from '../package/rung-packager.ts'
import { createPartGate, type PartGate } from '../parts/part-gate.ts'
import { declareBandwidth } from '../plan/bandwidth.ts'
import { countDroppable, leastSegmentMs, type PlannedRung, type RunPlan } from '../plan/plan-run.ts'
import type { RecordedRun } from '../record/recorded-segment.ts'
import type { SourceStart } from '../source/collect-start.ts'
import type { OpenedSource } from '../source/open-source.ts'
import type { KnownSource } from './known-source.ts'

/** What is known of a session over its runs. */
export type SessionState = {
  readonly session: string
  /** End of the last segment, in ms of the session; `null` before the first one. */
  fromMs: number | null
  /** `null`: the source has to be probed. */
  facts: KnownSource | null
  /** No sound has come from `fromMs` on. */
  isSilent: boolean
  /** Its key frames came irregularly. */
  isIrregular: boolean
  /** The highest bit rate of a segment of the source so far, in bit/s. */
  peakBps: number
}

export type RunRequest = {
  readonly opened: OpenedSource
  readonly start: SourceStart
  readonly plan: RunPlan
  readonly isCurrent: () => boolean
}

/** Length of the first segment of a run that begins between two key frames of the source: it lasts until the next one. */
const LEAST_FIRST_MS = 500
/** A longer segment means that the source's key frames do not come as before, in ms. Players must not wait for its end. */
const LONGEST_MS = 3000

/** Encodes a session with one plan until the run ends. Sets where its segments end. */
export async function encodeRun(broadcast: Broadcast, request: RunRequest, state: SessionState): Promise<RunEnd> {
  const { health, numbers, clock } = broadcast
  const { opened, start, plan } = request
  // Parts of a segment that was never complete keep their addresses: a further run makes it again under another number.
  numbers.segment = Math.max(numbers.segment, numbers.unannounced)
  const context: RunContext = {
    broadcast,
    parts: broadcast.parts === null ? null : createPartGate(broadcast.parts),
    request,
    state,
    run: numbers.run,
    firstSegment: numbers.segment,
    recorded: null,
    openedMs: 0,
  }
  numbers.run += 1
  health.setRun({ is_passed_through: plan.isPassedThrough, is_top_rung_dropped: plan.isTopRungDropped })
  const isBetweenKeyFrames = plan.keyFrames === 'source' && !start.isAtKeyFrame
  broadcast.log.info('run begins', {
    session: state.session,
    run: context.run,
    start_ms: start.startMs,
    rungs: plan.rungs.map(({ name }) => name),
    is_passed_through: plan.isPassedThrough,
    key_frames: plan.keyFrames,
  })
  const handle = startEncoderRun({
    ffmpegPath: broadcast.environment.FFMPEG_PATH,
    plan,
    start,
    tags: opened.tags,
    baseMs: opened.baseMs,
    leastMs: (segment) => (segment === 0 && isBetweenKeyFrames ? LEAST_FIRST_MS : leastSegmentMs(plan)),
    isCurrent: request.isCurrent,
    outputs: {
      onInits: (inits) => void prepareParts(context, inits),
      onPart: (rung, part, init) => {
        if (isOverlong(context, rung, part)) {
          state.isIrregular = true
          handle.abandon()
        } else announcePart(context, { rung, part, init })
      },
      onSegment: (segment, inits) => {
        recordSegment(context, segment, inits)
        if (isIrregular(plan, segment)) {
          state.isIrregular = true
          handle.cut()
        }
      },
      onLag: (lag) => {
        if (health.observeLag(lag, clock.nowMs(), countDroppable(plan))) handle.cut()
      },
    },
    clock,
    stopping: broadcast.stopping,
    killed: broadcast.ended,
  })
  if (plan.isBridge) handle.cut()
  return handle.ended
}

type RunContext = {
  readonly broadcast: Broadcast
  /** `null` with `normal` latency. */
  readonly parts: PartGate | null
  readonly request: RunRequest
  readonly state: SessionState
  readonly run: number
  readonly firstSegment: number
  /** Known with the first segment. */
  recorded: RecordedRun | null
  /** When the segment that is open began, in ms of the session. */
  openedMs: number
}

/** Returns whether a part begins so late in its segment that a source that is passed through keeps it open for too long. */
function isOverlong(context: RunContext, rung: number, part: PackagedPart): boolean {
  if (rung > 0) return false
  if (part.part === 0) context.openedMs = part.startMs
  return context.request.plan.keyFrames === 'source' && part.startMs - context.openedMs > LONGEST_MS
}

/** Returns whether the key frames of a source no longer divide segments evenly. */
function isIrregular({ keyFrames }: RunPlan, { startMs, endMs }: JoinedSegment): boolean {
  return keyFrames === 'source' && endMs - startMs > LONGEST_MS
}

type EncodedPart = { readonly rung: number; readonly part: PackagedPart; readonly init: InitSegment | undefined }

/** Announces parts from when the initialization segments are stored: players read these first. */
async function prepareParts(
  { broadcast, parts, request, run }: RunContext,
  inits: readonly InitSegment[],
): Promise<void> {
  const { rungs } = request.plan
  if (await broadcast.recorder.prepareRun({ run: { run, rungs }, inits: inits.map(({ bytes }) => bytes) }))
    parts?.open()
}

function announcePart(context: RunContext, { rung, part, init }: EncodedPart): void {
  const { broadcast, parts, request, state, run, firstSegment } = context
  const planned = request.plan.rungs[rung]
  if (parts === null || planned === undefined) return
  broadcast.numbers.unannounced = Math.max(broadcast.numbers.unannounced, firstSegment + part.segment + 1)
  parts.add({
    bytes: part.bytes,
    event: {
      epoch: broadcast.epoch,
      run,
      n: firstSegment + part.segment,
      part: part.part,
      rung: planned.name,
      duration_sec: part.durationSec,
      is_independent: part.isIndependent,
      program_date_time: toDateTime(request, part.startMs),
      session: state.session,
      start_ms: part.startMs,
      encoded: describeTracks(planned, init),
    },
  })
}

function recordSegment(context: RunContext, segment: JoinedSegment, inits: readonly InitSegment[]): void {
  const { broadcast, request, state, run, firstSegment } = context
  const { startMs, endMs, frames, rungs } = segment
  const bytes = rungs.map(({ parts }) => parts.reduce((sum, { length }) => sum + length, 0))
  // An encoder's composition times may say anything.
  const durationSec = Math.min(MAX_SEGMENT_SEC, (endMs - startMs) / 1000)
  if (durationSec <= 0) return
  state.peakBps = Math.max(state.peakBps, durationSec < 1 ? 0 : ((bytes[0] ?? 0) * 8) / durationSec)
  const recorded = (context.recorded ??= describeRun(context, inits))
  const n = firstSegment + segment.segment
  const row = {
    n,
    run,
    duration_sec: durationSec,
    program_date_time: toDateTime(request, startMs),
    start_ms: startMs,
    end_ms: endMs,
    frames,
    bytes,
  }
  broadcast.numbers.segment = n + 1
  state.fromMs = endMs
  state.isSilent = false
  broadcast.health.setProblem(null)
  broadcast.recorder.add({ run: recorded, row, files: rungs.map(({ parts }) => parts) })
  const [init, firstPart] = [inits.at(-1), rungs.at(-1)?.parts[0]]
  if (init !== undefined && firstPart !== undefined) broadcast.posters.consider([init.bytes, firstPart])
}

function describeRun({ request, state, run }: RunContext, inits: readonly InitSegment[]): RecordedRun {
  const { plan } = request
  const rungs = plan.rungs.map((rung, index): EncodedRung => {
    return {
      name: rung.name,
      ...describeTracks(rung, inits[index]),
      frame_rate: Math.round(plan.frameRate * 1000) / 1000,
      bandwidth: declareBandwidth(rung, plan.hasAudio, state.peakBps),
    }
  })
  const description: EncoderRun = { run, session: state.session, rungs }
  return { run: description, inits: inits.map(({ bytes }) => bytes) }
}

function describeTracks(rung: PlannedRung, init: InitSegment | undefined) {
  const { width, height } = init?.tracks[0]?.size ?? rung
  return { width, height, codecs: init?.codecs ?? '' }
}

function toDateTime({ opened }: RunRequest, sessionMs: number): string {
  return new Date(opened.baseMs + sessionMs).toISOString()
}
