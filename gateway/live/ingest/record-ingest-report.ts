import {
  STALE_PUBLISHER_MS,
  type IngestReport,
  type IngestReportAccepted,
  type IngestSession,
  type SessionVerdict,
} from '../../../shared/contract/live.ts'
import type { Tx } from '../../ports/database.ts'
import { requireCurrentEpoch } from '../../workers/claim-assignment.ts'
import { countCall } from '../../workers/store/lasting-assignments.ts'
import {
  listStreamsById,
  loseEncoders,
  markSending,
  markSilent,
  recordPublishers,
  type Stream,
} from '../store/streams.ts'
import type { LiveContext } from '../context.ts'
import { topicOf } from '../topic.ts'
import { INGEST_ATTEMPTS } from './pod.ts'
import { listSrtListeners } from './srt.ts'
import { recordIngestServer } from '../store/ingest-servers.ts'

/**
 * Records a report of an ingest worker, and answers which of its sessions go on. A report that was counted before changes
 * nothing; its answer is as of now.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
export async function recordIngestReport(
  context: LiveContext,
  ingestId: string,
  report: IngestReport,
): Promise<IngestReportAccepted> {
  const { epoch, seq } = report
  const changed = await context.transact(async (tx) => {
    const isCounted = await countCall(tx, { id: ingestId, epoch, seq, resume: null }, INGEST_ATTEMPTS)
    return isCounted ? recordSessions(tx, ingestId, report) : null
  })
  if (changed === null) await requireCurrentEpoch(context, ingestId, epoch)
  for (const { streamId } of changed ?? []) context.notifier.notify(topicOf(streamId))
  const streams = await listStreamsById(context.db, [...new Set(report.sessions.map((one) => one.stream_id))])
  const byId = new Map(streams.map((stream) => [stream.streamId, stream]))
  return {
    duplicate: changed === null,
    sessions: report.sessions.map((one) => judgeSession(one, byId.get(one.stream_id))),
    srt: await listSrtListeners(context, ingestId),
  }
}

async function recordSessions(tx: Tx, ingestId: string, report: IngestReport): Promise<Stream[]> {
  const { ports, whip, sessions, abandoned } = report
  await recordIngestServer(tx, {
    ingestId,
    rtmpPort: ports.rtmp,
    rtmpsPort: ports.rtmps,
    whipUrl: whip?.url ?? null,
  })
  await recordPublishers(
    tx,
    sessions.filter(({ ended }) => ended === null),
  )
  const idsOf = (state: Presence) => sessions.flatMap((one) => (presenceOf(one) === state ? one.session : []))
  return [
    ...(await loseEncoders(tx, [...idsOf('ended'), ...abandoned])),
    ...(await markSilent(tx, idsOf('silent'))),
    ...(await markSending(tx, idsOf('sending'))),
  ]
}

type Presence = 'ended' | 'silent' | 'sending'

function presenceOf({ ended, silent_ms: silentMs }: IngestSession): Presence {
  if (ended !== null) return 'ended'
  return silentMs >= STALE_PUBLISHER_MS ? 'silent' : 'sending'
}

/** Returns whether a session goes on: it must be the one that publishes its broadcast. */
function judgeSession({ session }: IngestSession, stream: Stream | undefined): SessionVerdict {
  return {
    session,
    end_reason: endReasonOf(session, stream),
    known_until_ms: stream?.knownSession === session ? stream.knownUntilMs : null,
  }
}

function endReasonOf(session: string, stream: Stream | undefined): string | null {
  if (stream === undefined) return 'the broadcast was deleted'
  if (stream.state === 'ended') return 'the broadcast has ended'
  if (stream.publisherSession === session) return null
  return 'the stream key was replaced, or another encoder took over'
}
