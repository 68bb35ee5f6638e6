import { endAssignment, listRunningWorkers } from '../../workers/store/assignments.ts'
import { ensureAssignment } from '../../workers/store/lasting-assignments.ts'
import type { LiveContext } from '../context.ts'
import { INGEST_KIND, ingestIds } from './pod.ts'

/** Launches the ingest workers that are missing, and stops those that are too many. */
export async function ensureIngest({ db, settings, wake }: LiveContext): Promise<void> {
  const wanted = ingestIds(settings.live)
  const running = (await listRunningWorkers(db, INGEST_KIND)).map(({ id }) => id)
  const missing = wanted.filter((id) => !running.includes(id))
  const surplus = running.filter((id) => !wanted.includes(id))
  for (const id of missing) await ensureAssignment(db, INGEST_KIND, id)
  for (const id of surplus) await endAssignment(db, id)
  if (missing.length + surplus.length > 0) wake('workers')
}
