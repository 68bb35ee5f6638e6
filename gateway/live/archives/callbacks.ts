import { Hono } from 'hono'

import { ClaimRequest, type CallAccepted, type Claim } from '../../../shared/contract/assignment.ts'
import { ArchiveReport, type ArchiveOrder, type ArchiveOutcome } from '../../../shared/contract/live-files.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import type { Tx } from '../../ports/database.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { requireWorker } from '../../http/signed-callback.ts'
import { claimAssignment, requireCurrentEpoch } from '../../workers/claim-assignment.ts'
import { endAssignment } from '../../workers/store/assignments.ts'
import { countCall } from '../../workers/store/lasting-assignments.ts'
import type { LiveContext } from '../context.ts'
import { findArchive, updateArchiveRow, type OwnedArchive } from '../store/archives.ts'
import { listRuns, listSegments, markMissing } from '../store/segments.ts'
import { orderRuns } from './order-runs.ts'
import { ARCHIVE_KIND, archiveIdOf } from '../archive-worker.ts'
import { ARCHIVE_ATTEMPTS } from './pod.ts'

/** Returns the callbacks of workers that make the files of recordings: the claim, then the reports. */
export function archiveCallbacks(context: LiveContext): Hono {
  const signed = requireWorker(context.settings, { kind: ARCHIVE_KIND })
  return new Hono()
    .post('/archives/:id/claim', signed, requireJson, parse('json', ClaimRequest), async (c) =>
      c.json(await claimArchive(context, c.req.param('id'), c.req.valid('json').claimant)),
    )
    .put('/archives/:id/status', signed, requireJson, parse('json', ArchiveReport), async (c) =>
      c.json(await recordArchiveReport(context, c.req.param('id'), c.req.valid('json'))),
    )
}

async function claimArchive(context: LiveContext, id: string, claimant: string): Promise<Claim> {
  const claim = await claimAssignment(context, id, claimant)
  const found = await findArchive(context.db, archiveIdOf(id))
  if (found === null) throw new BrokenRule(KERNEL_ERRORS.ASSIGNMENT_ENDED, 'the recording was deleted')
  return { ...claim, order: await orderOf(context, found) }
}

async function orderOf({ db }: LiveContext, { archive, stream }: OwnedArchive): Promise<ArchiveOrder> {
  const { streamId, folder } = stream
  const runs = await listRuns(db, streamId)
  const segments = await listSegments(db, streamId, 0)
  return {
    archive_id: archive.archiveId,
    runs: orderRuns(folder, runs, segments).map(({ recorded }) => recorded),
    frames: archive.frames ?? 0,
    output: `${folder}recording.mp4`,
    title: archive.title,
  }
}

/**
 * Records a report; the last one has the outcome, which ends the assignment.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
async function recordArchiveReport(context: LiveContext, id: string, report: ArchiveReport): Promise<CallAccepted> {
  const { epoch, seq, outcome } = report
  const isCounted = await context.transact(async (tx) => {
    if (!(await countCall(tx, { id, epoch, seq, resume: null }, ARCHIVE_ATTEMPTS))) return false
    if (outcome === null) return true
    await recordOutcome(tx, archiveIdOf(id), outcome)
    return endAssignment(tx, id)
  })
  if (isCounted) {
    if (outcome !== null) context.wake('workers')
    return { duplicate: false }
  }
  await requireCurrentEpoch(context, id, epoch)
  return { duplicate: true }
}

async function recordOutcome(tx: Tx, archiveId: string, outcome: ArchiveOutcome): Promise<void> {
  if (outcome.status === 'ready') {
    const { url: downloadUrl, file_size: fileSize, duration_sec: durationSec } = outcome
    await updateArchiveRow(tx, archiveId, { status: 'ready', downloadUrl, fileSize, durationSec })
    return
  }
  const failed = await updateArchiveRow(tx, archiveId, { status: 'failed', error: outcome.reason })
  if (failed !== null) await markMissing(tx, failed.streamId, outcome.missing.flatMap(toSegment))
}

/** Returns the segment of a path in the store: `live/…/{epoch}/{rung}/{n}.m4s`. */
function toSegment(path: string): { readonly epoch: number; readonly n: number }[] {
  const [, epoch, n] = /\/(\d{1,9})\/\d{2,4}\/(\d{1,9})\.m4s$/.exec(path) ?? []
  return epoch === undefined || n === undefined ? [] : [{ epoch: Number(epoch), n: Number(n) }]
}
