import type { BroadcastOrder } from '../../shared/contract/live.ts'
import type { ClaimedAssignment } from '../kind.ts'
import { createFetcher } from '../platform/http.ts'
import { openScratchFolder, type ScratchFolder } from '../platform/scratch.ts'
import { openStore } from '../stores/open-store.ts'
import type { Broadcast } from './broadcast.ts'
import type { LiveEnvironment } from './environment.ts'
import { createHealthKeeper } from './health.ts'
import type { PartBuffer } from './parts/part-buffer.ts'
import { createPosterMaker } from './record/poster.ts'
import { createRecorder } from './record/recorder.ts'
import { repeatWhileFull } from './repeat-while-full.ts'
import type { BroadcastReporter } from './report.ts'

export type BroadcastMeans = {
  readonly environment: LiveEnvironment
  readonly assignment: ClaimedAssignment
  readonly order: BroadcastOrder
  readonly parts: PartBuffer | null
  readonly reporter: BroadcastReporter
}

/**
 * Opens the store and a scratch folder for a broadcast; waits for the space that it needs. Disposing of it closes and removes
 * them.
 * @throws StoreError or ScratchFolderError where they cannot be used
 */
export async function openBroadcast(
  means: BroadcastMeans,
): Promise<AsyncDisposable & { readonly broadcast: Broadcast }> {
  const { environment, assignment, order, parts, reporter } = means
  const { clock, gatewayClock, log, lifetime } = assignment
  const { epoch } = assignment.claim
  const scratch = await openScratch(means)
  const store = await openStore(environment.STORAGE_TYPE, environment)
  // The ingest is ours: the gateway names its address.
  const policy = { allowPrivateNetworks: true }
  const fetcher = createFetcher({ policy, proxies: { http: null, https: null, bypass: null } })
  const ended = AbortSignal.any([lifetime.killed, reporter.over])
  const common = { store, scratchDir: scratch.dir, clock, log, signal: ended }
  const recorder = createRecorder({
    ...common,
    folder: `${order.folder}${epoch}/`,
    onSettled: ({ row, run }, isStored) =>
      reporter.reportSegment(isStored ? row : { ...row, is_missing: true }, run.run),
  })
  const posters = createPosterMaker({
    ...common,
    folder: order.folder,
    ffmpegPath: environment.FFMPEG_PATH,
    epoch,
    onStored: reporter.reportPoster,
  })
  const numbers = { segment: 0, run: 1, unannounced: 0 }
  const health = createHealthKeeper(recorder)
  const work = { order, epoch, environment, fetcher, recorder, reporter, health, parts, posters, numbers }
  return {
    broadcast: { ...work, clock, gatewayClock, log, stopping: lifetime.stopping, ended },
    async [Symbol.asyncDispose]() {
      await fetcher[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      await scratch[Symbol.asyncDispose]()
    },
  }
}

/** Opens the scratch folder. While the disk is full, the broadcast is not given up, and its health says why nothing comes. */
function openScratch({ environment, assignment, reporter }: BroadcastMeans): Promise<ScratchFolder> {
  const { log, lifetime } = assignment
  const health = { lag_sec: 0, is_top_rung_dropped: false, is_passed_through: false }
  return repeatWhileFull(() => openScratchFolder(environment.WORK_DIR, environment.BROADCAST_ID), {
    patience: null,
    onWait: (problem) => reporter.reportHealth({ ...health, problem }),
    log,
    signal: AbortSignal.any([lifetime.stopping, reporter.over]),
  })
}
