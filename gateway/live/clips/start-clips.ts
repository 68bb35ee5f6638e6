import { listRunningWorkers } from '../../workers/store/assignments.ts'
import { ensureAssignment } from '../../workers/store/lasting-assignments.ts'
import { CLIP_KIND, clipAssignmentOf } from '../clip-worker.ts'
import type { LiveContext } from '../context.ts'
import { listUnfinishedClips } from '../store/clips.ts'

/** Launches workers for the oldest clips that are not finished, while fewer than `CLIP_WORKERS` run. */
export async function startClips({ db, settings, wake }: LiveContext): Promise<void> {
  const ids = await listUnfinishedClips(db, settings.live.clipWorkers)
  const running = new Set((await listRunningWorkers(db, CLIP_KIND)).map(({ id }) => id))
  const waiting = ids.map(clipAssignmentOf).filter((id) => !running.has(id))
  const started = waiting.slice(0, Math.max(0, settings.live.clipWorkers - running.size))
  for (const id of started) await ensureAssignment(db, CLIP_KIND, id)
  if (started.length > 0) wake('workers')
}
