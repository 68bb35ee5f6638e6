import type { PublishRequest } from '../../../shared/contract/live.ts'
import { readEnvironment } from '../../environment.ts'
import type { ClaimedAssignment, PreparedWorker, WorkerOutcome } from '../../kind.ts'
import { sleep } from '../../platform/wake-signal.ts'
import { createAbandonedSessions } from './abandoned-sessions.ts'
import { authorizePublisher } from './authorize-publisher.ts'
import { IngestEnvironment } from './environment.ts'
import { startIngestServer, type IngestServer, type PublishInquiry } from './ingest-server.ts'
import { createPublisherRegistry, type PublisherRegistry } from './publisher-registry.ts'
import { restorePublishers } from './restore.ts'
import { createSessionReports } from './report-sessions.ts'
import type { PublishAttempt } from './serve-connection.ts'

const RESTART_REASON = 'The server restarts. Connect again.'
/** Time for readers to receive the rest, after the encoders were disconnected. */
const READERS_GRACE_MS = 5000
const READERS_POLL_MS = 50

/**
 * Prepares a worker that receives what encoders publish over RTMP.
 * @throws EnvironmentError
 */
export function prepareIngestWorker(env: NodeJS.ProcessEnv): PreparedWorker {
  const environment = readEnvironment(IngestEnvironment, env)
  const assignmentPath = `/internal/v1/ingest/${environment.INGEST_ID}`
  return {
    environment,
    assignmentPath,
    logFields: { ingest_id: environment.INGEST_ID },
    run: (assignment) => runIngest(environment, assignmentPath, assignment),
  }
}

/** Receives and reports until the lifetime stops or the gateway refuses. */
async function runIngest(
  environment: IngestEnvironment,
  assignmentPath: string,
  assignment: ClaimedAssignment,
): Promise<WorkerOutcome> {
  const { claim, callGateway, clock, gatewayClock, lifetime, log } = assignment
  const { epoch } = claim
  const reports = createSessionReports()
  const registry = createPublisherRegistry({ nowMs: () => clock.nowMs(), onChange: reports.wake })
  const abandoned = createAbandonedSessions(() => performance.now(), reports.wake)
  const { JOURNAL_DIR: journalDir } = environment
  if (journalDir !== undefined) await restorePublishers(journalDir, registry, log)
  await using server = await startIngestServer({
    environment,
    registry,
    clock,
    gatewayClock,
    log,
    authorize: async (attempt, inquiry) => {
      const request = composeRequest(attempt, inquiry, { epoch, registry })
      const decision = await authorizePublisher(callGateway, assignmentPath, request)
      if (decision.kind === 'refused' && decision.isUncertain && !inquiry.isTrial) abandoned.add(attempt.session)
      return decision
    },
  })
  log.info('listening for encoders', { host: environment.RTMP_HOST, ...server.ports, whip: server.whipPort })
  lifetime.stopping.addEventListener('abort', () => server.stop(RESTART_REASON))
  if (lifetime.stopping.aborted) server.stop(RESTART_REASON)
  const { ports, whip, applySrt } = server
  const outcome = await reports.run({
    epoch,
    assignmentPath,
    ports,
    whip,
    applySrt,
    registry,
    abandoned,
    callGateway,
    lifetime,
    log,
  })
  if (outcome.kind === 'finished') await waitForReaders(server, lifetime.killed)
  return outcome
}

function composeRequest(
  { session, token, keyHash, address }: PublishAttempt,
  { sourceUrl: url, isTrial }: PublishInquiry,
  { epoch, registry }: { readonly epoch: number; readonly registry: PublisherRegistry },
): PublishRequest {
  return {
    epoch,
    key_hash: keyHash,
    address,
    source: { session, url, token },
    active_sessions: [...registry.activeSessions()],
    is_trial: isTrial,
  }
}

async function waitForReaders(server: IngestServer, killed: AbortSignal): Promise<void> {
  const endMs = performance.now() + READERS_GRACE_MS
  while (server.readers() > 0 && performance.now() < endMs && !killed.aborted) await sleep(READERS_POLL_MS, killed)
}
