import { listRunningWorkers } from '../../workers/store/assignments.ts'
import { ensureAssignment } from '../../workers/store/lasting-assignments.ts'
import type { LiveContext } from '../context.ts'
import { listDueTasks } from '../store/storage-tasks.ts'
import { STORAGE_ID, STORAGE_KIND } from './pod.ts'

/** Launches the worker that removes and moves stored files where tasks are due, half a minute after the last one. */
export async function ensureStorageWorker({ db, wake }: LiveContext): Promise<void> {
  if ((await listDueTasks(db, 1)).length === 0) return
  if ((await listRunningWorkers(db, STORAGE_KIND)).length > 0) return
  await ensureAssignment(db, STORAGE_KIND, STORAGE_ID)
  wake('workers')
}
