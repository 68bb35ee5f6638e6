import { Hono } from 'hono'

import { ClaimRequest, type CallAccepted, type Claim } from '../../../shared/contract/assignment.ts'
import { ClipReport, type ClipOrder, type ClipOutcome } from '../../../shared/contract/live-files.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { requireWorker } from '../../http/signed-callback.ts'
import type { Tx } from '../../ports/database.ts'
import { claimAssignment, requireCurrentEpoch } from '../../workers/claim-assignment.ts'
import { endAssignment } from '../../workers/store/assignments.ts'
import { countCall } from '../../workers/store/lasting-assignments.ts'
import { describeLoss } from '../../workers/crash-reason.ts'
import type { WorkerLoss } from '../../workers/worker-kind.ts'
import { orderRuns } from '../archives/order-runs.ts'
import { CLIP_KIND, clipIdOf } from '../clip-worker.ts'
import type { LiveContext } from '../context.ts'
import { clipFilesOf } from '../rules/clip-files.ts'
import { REASONS } from '../rules/reasons.ts'
import { endClipRow, findClip, type OwnedClip } from '../store/clips.ts'
import { listRuns, listSegmentsBetween } from '../store/segments.ts'
import { CLIP_ATTEMPTS } from './pod.ts'
import { startClips } from './start-clips.ts'

/** Returns the callbacks of workers that cut clips: the claim, then the reports. */
export function clipCallbacks(context: LiveContext): Hono {
  const signed = requireWorker(context.settings, { kind: CLIP_KIND })
  return new Hono()
    .post('/clips/:id/claim', signed, requireJson, parse('json', ClaimRequest), async (c) =>
      c.json(await claimClip(context, c.req.param('id'), c.req.valid('json').claimant)),
    )
    .put('/clips/:id/status', signed, requireJson, parse('json', ClipReport), async (c) =>
      c.json(await recordClipReport(context, c.req.param('id'), c.req.valid('json'))),
    )
}

/** Fails a clip whose workers have failed too often, in the transaction that ends its assignment. */
export async function failLostClip(tx: Tx, assignmentId: string, loss: WorkerLoss): Promise<void> {
  const error = `${REASONS.not_cut}: ${describeLoss(loss)}`
  await endClipRow(tx, clipIdOf(assignmentId), { status: 'failed', error })
}

async function claimClip(context: LiveContext, id: string, claimant: string): Promise<Claim> {
  const claim = await claimAssignment(context, id, claimant)
  const found = await findClip(context.db, clipIdOf(id))
  if (found === null) throw new BrokenRule(KERNEL_ERRORS.ASSIGNMENT_ENDED, 'the clip was deleted')
  return { ...claim, order: await orderOf(context, found) }
}

async function orderOf({ db }: LiveContext, { clip, stream }: OwnedClip): Promise<ClipOrder> {
  const { streamId, folder } = stream
  const segments = await listSegmentsBetween(db, streamId, clip)
  const runs = orderRuns(folder, await listRuns(db, streamId), segments)
  const rung = runs[0]?.rung
  return {
    clip_id: clip.clipId,
    runs: runs.map(({ recorded }) => recorded),
    frames: segments.reduce((sum, { frames }) => sum + frames, 0),
    start_sec: clip.startSec,
    duration_sec: clip.durationSec,
    width: rung?.width ?? 0,
    height: rung?.height ?? 0,
    frame_rate: rung?.frame_rate ?? 0,
    ...clipFilesOf(folder, clip.clipId),
  }
}

/**
 * Records a report; the last one has the outcome, which ends the assignment.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
async function recordClipReport(context: LiveContext, id: string, report: ClipReport): Promise<CallAccepted> {
  const { epoch, seq, outcome } = report
  const isCounted = await context.transact(async (tx) => {
    if (!(await countCall(tx, { id, epoch, seq, resume: null }, CLIP_ATTEMPTS))) return false
    if (outcome === null) return true
    await endClipRow(tx, clipIdOf(id), columnsOf(outcome))
    return endAssignment(tx, id)
  })
  if (isCounted) {
    if (outcome !== null) await startClips(context)
    if (outcome !== null) context.wake('workers')
    return { duplicate: false }
  }
  await requireCurrentEpoch(context, id, epoch)
  return { duplicate: true }
}

function columnsOf(outcome: ClipOutcome) {
  if (outcome.status === 'failed') return { status: 'failed', error: outcome.reason } as const
  return { status: 'ready', fileSize: outcome.file_size } as const
}
