import * as v from 'valibot'

import { ArchiveOrder, type ArchiveOutcome, type ArchiveReport } from '../../../shared/contract/live-files.ts'
import { formatAttachment } from '../../../shared/net/attachment.ts'
import { readEnvironment } from '../../environment.ts'
import type { ClaimedAssignment, PreparedWorker, WorkerOutcome } from '../../kind.ts'
import { openScratchFolder } from '../../platform/scratch.ts'
import { openStore } from '../../stores/open-store.ts'
import { repeatWhileFull } from '../repeat-while-full.ts'
import { runSingleTask } from '../run-single-task.ts'
import { ArchiveEnvironment } from './environment.ts'
import { makeRecording } from './make-recording.ts'

/**
 * Prepares a worker that makes the file of a recording.
 * @throws EnvironmentError
 */
export function prepareArchiveWorker(env: NodeJS.ProcessEnv): PreparedWorker {
  const environment = readEnvironment(ArchiveEnvironment, env)
  return {
    environment,
    assignmentPath: `/internal/v1/archives/${environment.ARCHIVE_ID}`,
    logFields: { archive_id: environment.ARCHIVE_ID },
    run: (assignment) => runArchive(environment, assignment),
  }
}

function runArchive(environment: ArchiveEnvironment, assignment: ClaimedAssignment): Promise<WorkerOutcome> {
  return runSingleTask<ArchiveOutcome>(assignment, {
    path: `/internal/v1/archives/${environment.ARCHIVE_ID}/status`,
    compose: (number, outcome): ArchiveReport => ({ ...number, outcome }),
    async perform() {
      const outcome = await repeatWhileFull<ArchiveOutcome>(() => archive(environment, assignment), {
        patience: {
          ms: SPACE_PATIENCE_MS,
          giveUp: (reason) => ({ status: 'failed', reason: reason.slice(0, MAX_REASON_CHARS), missing: [] }),
        },
        log: assignment.log,
        signal: assignment.lifetime.stopping,
      })
      assignment.log.info('recording made', { ...outcome })
      return outcome
    },
  })
}

const MAX_REASON_CHARS = 300
/** A file that is not made is never made again: its operator has time to make room, in ms. */
const SPACE_PATIENCE_MS = 1_800_000

/**
 * Makes and stores the file of a recording.
 * @throws StoreError where the store cannot be used; the next worker tries again
 */
async function archive(
  environment: ArchiveEnvironment,
  { claim, lifetime }: ClaimedAssignment,
): Promise<ArchiveOutcome> {
  const order = v.parse(ArchiveOrder, claim.order)
  const signal = lifetime.stopping
  await using scratch = await openScratchFolder(environment.WORK_DIR, environment.ARCHIVE_ID)
  await using store = await openStore(environment.STORAGE_TYPE, environment)
  const means = { store, dir: scratch.dir, ffmpegPath: environment.FFMPEG_PATH, signal }
  const recording = await makeRecording(order, means)
  if (recording.kind === 'failed') {
    return { status: 'failed', reason: recording.reason, missing: [...recording.missing] }
  }
  // The recording of a title may be made again under the same name.
  const headers = {
    contentType: 'video/mp4',
    cacheControl: 'no-cache',
    ...(order.title === undefined ? {} : { contentDisposition: formatAttachment(order.title, 'mp4') }),
  }
  await store.put(order.output, recording.path, headers, signal)
  return {
    status: 'ready',
    url: store.urlOf(order.output),
    file_size: recording.bytes,
    duration_sec: order.runs.reduce((sum, { duration_sec: sec }) => sum + sec, 0),
  }
}
