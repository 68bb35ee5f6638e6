import type {
  BroadcastReport,
  BroadcastReportAccepted,
  EncoderRun,
  IngestSource,
} from '../../../shared/contract/live.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import type { Tx } from '../../ports/database.ts'
import { requireCurrentEpoch } from '../../workers/claim-assignment.ts'
import { countCall } from '../../workers/store/lasting-assignments.ts'
import { findStream, lockStream, NOW, updateStreamRow, type Stream } from '../store/streams.ts'
import type { LiveContext } from '../context.ts'
import { topicOf } from '../topic.ts'
import { closeStream } from './close-stream.ts'
import { streamIdOf } from '../broadcast-worker.ts'
import { BROADCAST_ATTEMPTS } from './pod.ts'
import { recordTargets } from '../store/targets.ts'
import { orderTargets } from '../targets/order-targets.ts'
import { isContinuous, tracksOf } from '../rules/continuous-runs.ts'
import { findNewestRun, insertRuns, insertSegments, listEpochRuns, type EncoderRunRow } from '../store/segments.ts'

/**
 * Records a report of a live worker: its new segments become part of the playlists. A report that was counted before changes
 * nothing; its answer is as of now.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
export async function recordBroadcastReport(
  context: LiveContext,
  id: string,
  report: BroadcastReport,
): Promise<BroadcastReportAccepted> {
  const { epoch, seq } = report
  const streamId = streamIdOf(id)
  const recorded = await context.transact(async (tx) => {
    if (!(await countCall(tx, { id, epoch, seq, resume: null }, BROADCAST_ATTEMPTS))) return null
    return record(tx, streamId, report)
  })
  if (recorded !== null) {
    context.notifier.notify(topicOf(streamId))
    if (recorded.closedAt !== null) context.wake('workers')
    return answerFor(context, recorded, report, false)
  }
  await requireCurrentEpoch(context, id, epoch)
  const found = await findStream(context.db, streamId)
  if (found === null) throw new BrokenRule(KERNEL_ERRORS.ASSIGNMENT_ENDED, 'the broadcast was deleted')
  return answerFor(context, found.stream, report, true)
}

async function answerFor(
  context: LiveContext,
  { streamId, publisherSource, unfinishedSources, closedAt }: Stream,
  { targets }: BroadcastReport,
  isDuplicate: boolean,
): Promise<BroadcastReportAccepted> {
  const isOver = closedAt !== null
  const sources = { source: publisherSource, unfinished_sources: [...unfinishedSources] }
  const answer = { duplicate: isDuplicate, ...sources, is_over: isOver }
  // A worker that does not name its targets cannot push.
  return targets === undefined || isOver
    ? answer
    : { ...answer, targets: await orderTargets(context, streamId, targets) }
}

async function record(tx: Tx, streamId: string, report: BroadcastReport): Promise<Stream> {
  const stream = await lockStream(tx, streamId)
  if (stream === null) throw new BrokenRule(KERNEL_ERRORS.ASSIGNMENT_ENDED, 'the broadcast was deleted')
  const runs = await recordRuns(tx, stream, report)
  await insertSegments(tx, { streamId, epoch: report.epoch, firstSeq: stream.nextSeq }, report.segments)
  await recordTargets(tx, streamId, report.targets ?? [])
  const updated = await updateStreamRow(tx, streamId, {
    ...positionAfter(report, runs),
    nextSeq: stream.nextSeq + report.segments.length,
    ...(report.segments.length === 0 ? {} : { segmentSeenAt: NOW }),
    storedBytes: stream.storedBytes + countBytes(report),
    discontinuity: runs.at(-1)?.discontinuity ?? stream.discontinuity,
    partsUrl: report.parts_url,
    partsEpoch: report.epoch,
    health: report.health,
    ...(report.poster === null ? {} : { poster: report.poster }),
    // Its next worker does not know of it any more.
    ...(report.finished_session === stream.lastSession ? { lastSession: null } : {}),
    unfinishedSources: listUnfinished(stream, report),
  })
  const current = updated ?? stream
  return isFinished(current) ? closeStream(tx, current) : current
}

/** Inserts the runs that a report brings; returns all runs of the epoch, in order. */
async function recordRuns(tx: Tx, stream: Stream, report: BroadcastReport): Promise<readonly EncoderRunRow[]> {
  const { streamId } = stream
  const { epoch, runs } = report
  const known = await listEpochRuns(tx, streamId, epoch)
  const unknown = runs.filter(({ run }) => known.every((other) => other.run !== run))
  if (unknown.length === 0) return known
  let before = await findNewestRun(tx, streamId)
  const fresh: EncoderRunRow[] = []
  for (const run of unknown) {
    const step = before !== null && continues(stream, report, { before, run }) ? 0 : 1
    before = { ...run, streamId, epoch, discontinuity: (before?.discontinuity ?? -1) + step }
    fresh.push(before)
  }
  await insertRuns(tx, fresh)
  return [...known, ...fresh]
}

type RunChange = { readonly before: EncoderRunRow; readonly run: EncoderRun }

/** Returns whether a reported run goes on where the stored segments, or those of the report before it, end. */
function continues(
  { knownSession, knownUntilMs }: Stream,
  report: BroadcastReport,
  { before, run }: RunChange,
): boolean {
  const at = report.segments.findIndex((segment) => segment.run === run.run)
  const endMs = at > 0 ? report.segments[at - 1]?.end_ms : knownUntilMs
  const startMs = report.segments[at]?.start_ms
  if (startMs === undefined || endMs === undefined || endMs === null) return false
  if (at === 0 && knownSession !== before.session) return false
  const end = { session: before.session, atMs: endMs, rungs: tracksOf(before.rungs) }
  return isContinuous(end, { session: run.session, atMs: startMs, rungs: tracksOf(run.rungs) })
}

function countBytes({ segments }: BroadcastReport): number {
  const stored = segments.filter((segment) => segment.is_missing !== true)
  return stored.flatMap(({ bytes }) => bytes).reduce((sum, bytes) => sum + bytes, 0)
}

/** Returns where the stored segments end after a report. */
function positionAfter({ segments }: BroadcastReport, runs: readonly EncoderRunRow[]): Partial<Stream> {
  const last = segments.at(-1)
  const run = runs.find((candidate) => candidate.run === last?.run)
  return last === undefined || run === undefined ? {} : { knownSession: run.session, knownUntilMs: last.end_ms }
}

/** Returns the sources that are not stored to their ends after a report: sessions are finished in their order. */
function listUnfinished({ unfinishedSources: before }: Stream, report: BroadcastReport): readonly IngestSource[] {
  return before.slice(before.findIndex(({ session }) => session === report.finished_session) + 1)
}

/** Returns whether nothing more can come: the broadcast has ended, and its last session was encoded to its end. */
function isFinished({ state, lastSession }: Stream): boolean {
  return state === 'ended' && lastSession === null
}
