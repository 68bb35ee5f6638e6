/** The encoding of one session of an encoder: one run after another, each from the end of the segments before it. */

import { ENCODING_PROBLEMS } from '../../../shared/contract/live-problems.ts'
import { type IngestSource, SEGMENT_SEC } from '../../../shared/contract/live.ts'
import type { Broadcast } from '../broadcast.ts'
import type { RunEnd } from '../encode/encoder-run.ts'
import { computeBackoffMs } from '../../platform/backoff.ts'
import { sleep } from '../../platform/wake-signal.ts'
import { planRun, type RunPlan } from '../plan/plan-run.ts'
import type { SourceStart } from '../source/collect-start.ts'
import { divideSegments } from '../source/measure-frames.ts'
import { type OpenedSource, openSource } from '../source/open-source.ts'
import { encodeRun, type SessionState } from './encode-run.ts'
import { isSameSource, type KnownSource, learnSource } from './known-source.ts'
import { readStart } from './read-start.ts'

const BACKOFF = { firstMs: 250, maxMs: 5000 }
/** After this many failures in a row without a segment, the health says why. */
const FAILURES_UNTIL_PROBLEM = 5
/** An ingest worker that starts again on its machine serves what the one before it received within this time, in ms. */
const RESTART_MS = 5000
/** The ingest finds key frames by decode times, which precede presentation by less than this, in ms. */
const REQUEST_MARGIN_MS = 500

const NOTHING_BEFORE_GAP = 'nothing could be encoded of the picture before it stopped'

/** What follows a run or an attempt: another one, another one after a pause, the end of the session, or of the work on it. */
type NextStep =
  | { readonly kind: 'again' }
  | { readonly kind: 'over' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly reason: string }

/** Encodes a session until it ends, or the broadcast or the worker does. `fromMs`: where its reported segments end. */
export async function encodeSession(broadcast: Broadcast, source: IngestSource, fromMs: number | null): Promise<void> {
  const { log, health, recorder, reporter } = broadcast
  const { session } = source
  const state: SessionState = { session, fromMs, facts: null, isSilent: false, isIrregular: false, peakBps: 0 }
  log.info('session begins', { session, from_ms: fromMs })
  if (!(await encodeToEnd(broadcast, source, state))) return
  health.setProblem(null)
  log.info('session ended', { session, until_ms: state.fromMs })
  recorder.after(() => reporter.reportFinished(session))
}

/** Returns whether the session was encoded to its end; false where the broadcast is over, or the worker stops before. */
async function encodeToEnd(broadcast: Broadcast, source: IngestSource, state: SessionState): Promise<boolean> {
  const { log, health, clock, stopping, ended } = broadcast
  let failing = NO_FAILURE
  while (!stopping.aborted && !ended.aborted) {
    const before = state.fromMs
    const step = await attempt(broadcast, source, state)
    if (step.kind === 'over') return !ended.aborted
    if (step.kind === 'stopped') return false
    if (state.fromMs !== before) failing = NO_FAILURE
    if (step.kind === 'again') continue
    failing = addFailure(failing, clock.nowMs())
    const { failures } = failing
    log.warn('encoding interrupted', { session: source.session, failures, reason: step.reason })
    if (isGone(broadcast, source, failing)) return !ended.aborted
    if (failures >= FAILURES_UNTIL_PROBLEM) health.setProblem(step.reason.slice(0, 300))
    await sleep(computeBackoffMs(failures, BACKOFF), stopping)
  }
  return false
}

/** Failures in a row without a segment, and when the first one was, in ms. */
type Failing = { readonly failures: number; readonly sinceMs: number }

const NO_FAILURE: Failing = { failures: 0, sinceMs: 0 }

function addFailure({ failures, sinceMs }: Failing, nowMs: number): Failing {
  return { failures: failures + 1, sinceMs: failures === 0 ? nowMs : sinceMs }
}

/** Returns whether a session that cannot be read has ended, and no ingest worker that starts again can still serve it. */
function isGone(broadcast: Broadcast, source: IngestSource, { sinceMs }: Failing): boolean {
  return !isCurrent(broadcast, source) && broadcast.clock.nowMs() - sinceMs >= RESTART_MS
}

function isCurrent({ reporter }: Broadcast, { session }: IngestSource): boolean {
  return reporter.source()?.session === session
}

/** Opens the source once, and encodes it until the run ends. */
async function attempt(broadcast: Broadcast, source: IngestSource, state: SessionState): Promise<NextStep> {
  const { fetcher, clock, gatewayClock, health, stopping, ended } = broadcast
  // Without a segment the session is read from its first frame on, however late this worker is.
  const fromMs = Math.max(0, (state.fromMs ?? 0) - REQUEST_MARGIN_MS)
  const opening = await openSource(source, { fetcher, clock, gatewayClock, fromMs, signal: ended, stopping })
  switch (opening.kind) {
    case 'gone':
      return { kind: 'over' }
    case 'failed':
      return opening
    case 'silent':
      health.setProblem(ENCODING_PROBLEMS.no_picture)
      return { kind: isCurrent(broadcast, source) ? 'again' : 'over' }
    case 'opened': {
      await using opened = opening.source
      // Awaited here: the source is closed on return.
      return await encodeOpened(broadcast, source, opened, state)
    }
  }
}

async function encodeOpened(
  broadcast: Broadcast,
  source: IngestSource,
  opened: OpenedSource,
  state: SessionState,
): Promise<NextStep> {
  const { fromMs, facts, isSilent } = state
  const wanted = { fromMs, isKnown: facts !== null, isSilent, isCurrent: () => isCurrent(broadcast, source) }
  const reading = await readStart(broadcast, opened.tags, wanted)
  if (reading.kind === 'lost') return { kind: 'failed', reason: reading.reason }
  if (reading.kind !== 'start') return { kind: reading.kind === 'ended' ? 'over' : 'stopped' }
  const known = await findKnown(broadcast, state, reading.start)
  if (known.kind !== 'ok') return known
  // Where the sound is new, it is learned once the run has met it.
  const start = { ...reading.start, hasAudio: reading.start.hasAudio && known.hadSound }
  const run = { opened, start, plan: plan(broadcast, state, start, known), isCurrent: wanted.isCurrent }
  const end = await encodeRun(broadcast, run, state)
  broadcast.log.info('run ended', { session: source.session, end: end.kind, until_ms: state.fromMs })
  if (end.kind === 'gap' && state.fromMs === fromMs) return { kind: 'failed', reason: NOTHING_BEFORE_GAP }
  return afterRun(end, state)
}

/** Returns what is known of a source, which is probed where nothing is; where its picture is another one now, next time. */
async function findKnown(
  { environment, health, ended }: Broadcast,
  state: SessionState,
  start: SourceStart,
): Promise<KnownSource | NextStep> {
  if (state.facts !== null && !isSameSource(state.facts, start)) {
    state.facts = null
    return { kind: 'again' }
  }
  const known = state.facts ?? (await learnSource(environment.FFPROBE_PATH, start, ended))
  if (known.kind === 'problem') health.setProblem(known.reason)
  if (known.kind !== 'ok') return { kind: 'failed', reason: known.reason }
  state.facts = known
  return known
}

function plan({ order, health }: Broadcast, state: SessionState, start: SourceStart, known: KnownSource): RunPlan {
  const { video } = known
  const isRegular = divideSegments(video.keyFrameTimesMs, SEGMENT_SEC * 1000, 1000 / video.frameRate)
  return planRun({
    ladder: order.ladder,
    video,
    hasAudio: known.hasAudio && start.hasAudio,
    hasRegularKeyFrames: isRegular && !state.isIrregular,
    isAtKeyFrame: start.isAtKeyFrame,
    droppedRungs: health.droppedRungs(),
  })
}

function afterRun(end: RunEnd, state: SessionState): NextStep {
  switch (end.kind) {
    case 'ended':
      return { kind: 'over' }
    case 'stopped':
    case 'aborted':
      return { kind: 'stopped' }
    case 'changed':
    case 'gap':
      // After a pause, an encoder may send another picture.
      state.facts = null
      return { kind: 'again' }
    case 'silent':
      state.isSilent = true
      return { kind: 'again' }
    case 'cut':
      return { kind: 'again' }
    case 'lost':
      return { kind: 'failed', reason: end.reason }
    case 'failed':
      // What the encoder sends may have changed.
      state.facts = null
      return { kind: 'failed', reason: end.reason }
  }
}
