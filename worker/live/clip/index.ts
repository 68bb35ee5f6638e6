import * as v from 'valibot'

import { ClipOrder, type ClipOutcome, type ClipReport } from '../../../shared/contract/live-files.ts'
import { readEnvironment } from '../../environment.ts'
import type { ClaimedAssignment, PreparedWorker, WorkerOutcome } from '../../kind.ts'
import { openScratchFolder } from '../../platform/scratch.ts'
import { openStore } from '../../stores/open-store.ts'
import { repeatWhileFull } from '../repeat-while-full.ts'
import { runSingleTask } from '../run-single-task.ts'
import { cutClip } from './cut-clip.ts'
import { ClipEnvironment } from './environment.ts'

const MAX_REASON_CHARS = 300
/** Its maker waits for it, and can cut it again, in ms. */
const SPACE_PATIENCE_MS = 120_000
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
          const outcome = await repeatWhileFull<ClipOutcome>(() => makeClip(environment, assignment), {
            patience: {
              ms: SPACE_PATIENCE_MS,
              giveUp: (reason) => ({ status: 'failed', reason: reason.slice(0, MAX_REASON_CHARS) }),
            },
            log: assignment.log,
            signal: assignment.lifetime.stopping,
          })
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
  if (cut.kind === 'failed') return { status: 'failed', reason: cut.reason.slice(0, MAX_REASON_CHARS) }
  try {
    await store.put(order.poster, cut.poster, { ...HEADERS, contentType: 'image/jpeg' }, signal)
    await store.put(order.output, cut.path, { ...HEADERS, contentType: 'video/mp4' }, signal)
  } catch (error) {
    await store.remove([order.poster], signal)
    throw error
  }
  return { status: 'ready', file_size: cut.bytes }
}
