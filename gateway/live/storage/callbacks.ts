import { Hono } from 'hono'

import { ClaimRequest, type CallAccepted, type Claim } from '../../../shared/contract/assignment.ts'
import { StorageReport, type StorageOrder, type StorageTask } from '../../../shared/contract/live-files.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { requireWorker } from '../../http/signed-callback.ts'
import { claimAssignment, requireCurrentEpoch } from '../../workers/claim-assignment.ts'
import { endAssignment } from '../../workers/store/assignments.ts'
import { countCall } from '../../workers/store/lasting-assignments.ts'
import type { LiveContext } from '../context.ts'
import { listClipsOf, type StoredClip } from '../store/clips.ts'
import { listDueTasks, recordTaskResults, streamIdOfFolder, type StorageTaskRow } from '../store/storage-tasks.ts'
import { clipNamesOf } from './discard-clips.ts'
import { STORAGE_ATTEMPTS, STORAGE_KIND } from './pod.ts'

/** Tasks of one worker; further ones are the next worker's. */
const TASKS_PER_WORKER = 50

/** Returns the callbacks of the worker that removes and moves stored files: the claim, then the reports. */
export function storageCallbacks(context: LiveContext): Hono {
  const signed = requireWorker(context.settings, { kind: STORAGE_KIND })
  return new Hono()
    .post('/storage/:id/claim', signed, requireJson, parse('json', ClaimRequest), async (c) =>
      c.json(await claimStorage(context, c.req.param('id'), c.req.valid('json').claimant)),
    )
    .put('/storage/:id/status', signed, requireJson, parse('json', StorageReport), async (c) =>
      c.json(await recordStorageReport(context, c.req.param('id'), c.req.valid('json'))),
    )
}

async function claimStorage(context: LiveContext, id: string, claimant: string): Promise<Claim> {
  const claim = await claimAssignment(context, id, claimant)
  const due = await listDueTasks(context.db, TASKS_PER_WORKER)
  const kept = await listClipsOf(context.db, [...new Set(due.map(({ folder }) => streamIdOfFolder(folder)))])
  const order: StorageOrder = { tasks: due.map((task) => toTask(task, kept)) }
  return { ...claim, order }
}

/** Returns the task of a row. The clips of a broadcast outlive its other files. */
function toTask({ taskId, folder, names, storageClass }: StorageTaskRow, clips: readonly StoredClip[]): StorageTask {
  const task = { task_id: taskId, folder }
  if (storageClass !== null) return { ...task, action: 'change_class', storage_class: storageClass }
  if (names !== null) return { ...task, action: 'remove_files', names }
  const keep = clips.filter(({ streamId }) => streamId === streamIdOfFolder(folder)).flatMap(clipNamesOf)
  return { ...task, action: 'remove_folder', keep }
}

/**
 * Records a report; the last one has the results, which end the assignment.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
async function recordStorageReport(context: LiveContext, id: string, report: StorageReport): Promise<CallAccepted> {
  const { epoch, seq, results } = report
  const isCounted = await context.transact(async (tx) => {
    if (!(await countCall(tx, { id, epoch, seq, resume: null }, STORAGE_ATTEMPTS))) return false
    if (results === null) return true
    await recordTaskResults(tx, results)
    return endAssignment(tx, id)
  })
  if (isCounted) {
    if (results !== null) context.wake('workers')
    return { duplicate: false }
  }
  await requireCurrentEpoch(context, id, epoch)
  return { duplicate: true }
}
