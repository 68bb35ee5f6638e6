import * as v from 'valibot'

import { ClipOrder, type ClipOutcome, type ClipReport } from '../../../shared/contract/live-files.ts'
import { readEnvironment } from '../../environment.ts'
import type { ClaimedAssignment, PreparedWorker, WorkerOutcome } from '../../kind.ts'
import { openScratchFolder } from '../../platform/scratch.ts'
import { openStore } from '../../stores/open-store.ts'
import { runSingleTask } from '../run-single-task.ts'
import { cutClip } from './cut-clip.ts'
import { ClipEnvironment } from './environment.ts'

/** A clip may be deleted. */
const HEADERS = { cacheControl: 'no-cache' }

/**
 * Prepares a worker that cuts a clip.
 * @throws EnvironmentError
 */
export function prepareClipWorker(env: NodeJS.ProcessEnv): PreparedWorker {
  const environment = readEnvironment(ClipEnvironment, env)
  const assignmentPath = `/internal/v1/clips/${environment.CLIP_ID}`
  return {
    environment,
    assignmentPath,
    logFields: { clip_id: environment.CLIP_ID },
    run: (assignment): Promise<WorkerOutcome> =>
      runSingleTask<ClipOutcome>(assignment, {
        path: `${assignmentPath}/status`,
        compose: (number, outcome): ClipReport => ({ ...number, outcome }),
        async perform() {
          const outcome = await makeClip(environment, assignment)
          assignment.log.info('clip cut', { ...outcome })
          return outcome
        },
      }),
  }
}

/**
 * Cuts a clip and stores it with its picture.
 * @throws StoreError where the store cannot be used; the next worker tries again
 */
async function makeClip(environment: ClipEnvironment, { claim, lifetime }: ClaimedAssignment): Promise<ClipOutcome> {
  const order = v.parse(ClipOrder, claim.order)
  const signal = lifetime.stopping
  await using scratch = await openScratchFolder(environment.WORK_DIR, environment.CLIP_ID)
  await using store = await openStore(environment.STORAGE_TYPE, environment)
  const cut = await cutClip(order, { store, dir: scratch.dir, ffmpegPath: environment.FFMPEG_PATH, signal })
  if (cut.kind === 'failed') return { status: 'failed', reason: cut.reason.slice(0, 300) }
  await store.put(order.poster, cut.poster, { ...HEADERS, contentType: 'image/jpeg' }, signal)
  await store.put(order.output, cut.path, { ...HEADERS, contentType: 'video/mp4' }, signal)
  return { status: 'ready', file_size: cut.bytes }
}
