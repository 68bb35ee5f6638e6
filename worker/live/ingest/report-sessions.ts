import * as v from 'valibot'

import {
  IngestReportAccepted,
  LIVE_REPORT_INTERVAL_MS,
  type IngestReport,
  type SrtListener,
} from '../../../shared/contract/live.ts'
import type { Log } from '../../../shared/log.ts'
import type { WorkerOutcome } from '../../kind.ts'
import type { GatewayCaller } from '../../platform/callback.ts'
import type { Lifetime } from '../../platform/lifetime.ts'
import { createWakeSignal } from '../../platform/wake-signal.ts'
import type { AbandonedSessions } from './abandoned-sessions.ts'
import type { PublisherRegistry } from './publisher-registry.ts'

export type SessionReportsOptions = {
  readonly epoch: number
  readonly assignmentPath: string
  readonly ports: IngestReport['ports']
  readonly whip: IngestReport['whip']
  /** Receives the listeners for SRT of each answer. */
  readonly applySrt: (listeners: readonly SrtListener[]) => void
  readonly registry: PublisherRegistry
  readonly abandoned: AbandonedSessions
  readonly callGateway: GatewayCaller
  readonly lifetime: Lifetime
  readonly log: Log
}

/**
 * Interval of the reports that name no session, which are heartbeats only, in ms: the gateway takes a worker that has
 * reported nothing for 10 s as gone. A session that begins or ends is reported at once.
 */
const IDLE_INTERVAL_MS = 5000

/** Reports of an ingest worker. */
export type SessionReports = {
  /** Makes the next report due now. */
  wake(): void
  /** Reports until the lifetime stops and every end is reported, or the gateway refuses. One report at a time. */
  run(options: SessionReportsOptions): Promise<WorkerOutcome>
}

/** Creates the reports of an ingest worker. */
export function createSessionReports(): SessionReports {
  const wakeSignal = createWakeSignal()
  let isDue = true
  const wake = () => {
    isDue = true
    wakeSignal.wake()
  }
  return {
    wake,
    run: async (options) => {
      const { lifetime, registry } = options
      lifetime.stopping.addEventListener('abort', wake)
      for (let seq = 1; ; seq++) {
        if (!isDue) await wakeSignal.wait(intervalMs(options), lifetime.killed)
        isDue = false
        const isLast = lifetime.stopping.aborted && registry.publishing() === 0
        const outcome = await sendReport(options, seq)
        if (outcome !== null) return outcome
        if (isLast && !registry.hasUnreportedEnds()) return { kind: 'finished' }
      }
    },
  }
}

function intervalMs({ registry, abandoned }: SessionReportsOptions): number {
  const isIdle = registry.describe().length === 0 && abandoned.list().length === 0
  return isIdle ? IDLE_INTERVAL_MS : LIVE_REPORT_INTERVAL_MS
}

/** Sends one report, again and again while the gateway is unreachable. Returns an outcome where it is the last one. */
async function sendReport(options: SessionReportsOptions, seq: number): Promise<WorkerOutcome | null> {
  const { epoch, ports, whip, registry, abandoned, applySrt, assignmentPath, callGateway, lifetime, log } = options
  const sessions = registry.describe()
  const composedMs = performance.now()
  const report: IngestReport = { epoch, seq, ports, whip, sessions: [...sessions], abandoned: [...abandoned.list()] }
  const callback = { method: 'PUT', path: `${assignmentPath}/status`, body: JSON.stringify(report) }
  const result = await callGateway(callback, lifetime.killed)
  if (result.kind !== 'accepted') return result
  registry.acknowledge(sessions)
  abandoned.acknowledge(composedMs)
  const answer = v.safeParse(IngestReportAccepted, result.body)
  if (answer.success) {
    registry.applyVerdicts(answer.output.sessions)
    applySrt(answer.output.srt)
  } else log.warn('answer to a report could not be read', { problem: v.summarize(answer.issues) })
  return null
}
