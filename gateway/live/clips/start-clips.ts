import { listRunningWorkers } from '../../workers/store/assignments.ts'
import { ensureAssignment } from '../../workers/store/lasting-assignments.ts'
import { CLIP_KIND, clipAssignmentOf } from '../clip-worker.ts'
import type { LiveContext } from '../context.ts'
import { listUnfinishedClips } from '../store/clips.ts'

/** Launches workers for the oldest clips that are not finished, at most `CLIP_WORKERS`; others wait until one of them is. */
export async function startClips({ db, settings, wake }: LiveContext): Promise<void> {
  const ids = (await listUnfinishedClips(db, settings.live.clipWorkers)).map(clipAssignmentOf)
  const running = new Set((await listRunningWorkers(db, CLIP_KIND)).map(({ id }) => id))
  const waiting = ids.filter((id) => !running.has(id))
  for (const id of waiting) await ensureAssignment(db, CLIP_KIND, id)
  if (waiting.length > 0) wake('workers')
}
