import * as v from 'valibot'

import { HEARTBEAT_INTERVAL_MS } from '../../shared/contract/assignment.ts'
import type { MonitorConfig, MonitorEvent } from '../../shared/contract/monitors.ts'
import type { Log } from '../../shared/log.ts'
import { findStreamForm } from '../../shared/net/stream-url.ts'
import { readEnvironment } from '../environment.ts'
import type { ClaimedAssignment, PreparedWorker, WorkerOutcome } from '../kind.ts'
import { createFetcher, type Fetcher } from '../platform/http.ts'
import type { ProxySettings } from '../platform/http-agents.ts'
import { createReportQueue, type ReportQueue, type ReportUrgency } from '../platform/report-queue.ts'
import { createSegmentProbe } from './analyze/analyze-segment.ts'
import { MonitorEnvironment } from './environment.ts'
import type { Monitor, StreamClient } from './monitor-context.ts'
import { composeReport } from './report.ts'
import { watchStream } from './run.ts'
import { afterObservation } from './state/after-observation.ts'
import { INITIAL_STATE, MonitorState, type MonitorTransition } from './state/monitor-state.ts'
import { createStreamClient } from './stream-client.ts'

/**
 * Prepares a worker that watches one live stream.
 * @throws EnvironmentError
 */
export function prepareMonitorWorker(env: NodeJS.ProcessEnv): PreparedWorker {
  const environment = readEnvironment(MonitorEnvironment, env)
  const assignmentPath = `/internal/v1/monitors/${environment.MONITOR_ID}`
  return {
    environment,
    assignmentPath,
    logFields: { monitor_id: environment.MONITOR_ID },
    run: (assignment) => runMonitor(environment, assignmentPath, assignment),
  }
}

async function runMonitor(
  environment: MonitorEnvironment,
  assignmentPath: string,
  assignment: ClaimedAssignment,
): Promise<WorkerOutcome> {
  const { claim, callGateway, lifetime, log } = assignment
  const initial = restoreState(claim.resume, log)
  const reports = createReportQueue<MonitorState, MonitorEvent>({
    epoch: claim.epoch,
    heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
    initialSnapshot: initial,
    compose: composeReport,
    send: (body, signal) => callGateway({ method: 'PUT', path: `${assignmentPath}/status`, body }, signal),
    log,
    signal: lifetime.killed,
  })
  const done = reports.done.then((outcome) => {
    // The assignment is another worker's now: this one stops at once.
    if (outcome.kind === 'refused') lifetime.kill()
    return outcome
  })
  await watchAssignment(environment, createMonitor(initial, environment.CONFIG_JSON, { reports, log }), assignment)
  reports.close()
  const outcome = await done
  return outcome.kind === 'closed' ? { kind: 'finished' } : outcome
}

/** Returns the state that the previous worker reported; the initial state if there is none or it cannot be read. */
function restoreState(resume: unknown, log: Log): MonitorState {
  if (resume === null) return INITIAL_STATE
  const parsed = v.safeParse(MonitorState, resume)
  if (parsed.success) return parsed.output
  log.warn('resume state could not be read, starting over', { problem: v.summarize(parsed.issues) })
  return INITIAL_STATE
}

async function watchAssignment(
  environment: MonitorEnvironment,
  monitor: Monitor,
  assignment: ClaimedAssignment,
): Promise<void> {
  const config = environment.CONFIG_JSON
  await using fetcher = createFetcher({ policy: assignment.policy, proxies: toProxySettings(environment) })
  await watchStream({
    ...assignment,
    monitor,
    config,
    client: createClient(environment, fetcher),
    intervals: {
      waitingMs: environment.WAITING_MODE_INITIAL_INTERVAL,
      waitingLateMs: environment.WAITING_MODE_DELAYED_INTERVAL,
      refreshMs: environment.MANIFEST_REFRESH_INTERVAL,
    },
    createProbe: () => createSegmentProbe({ ffmpegPath: environment.FFMPEG_PATH, config }),
  })
}

function toProxySettings({ HTTP_PROXY, HTTPS_PROXY, NO_PROXY }: MonitorEnvironment): ProxySettings {
  return { http: HTTP_PROXY ?? null, https: HTTPS_PROXY ?? null, bypass: NO_PROXY ?? null }
}

function createClient(environment: MonitorEnvironment, fetcher: Fetcher): StreamClient {
  const { STREAM_URL, YTDLP_PATH, STREAMLINK_PATH, HTTP_PROXY, HTTPS_PROXY } = environment
  return createStreamClient({
    streamUrl: STREAM_URL,
    form: findStreamForm(STREAM_URL),
    fetcher,
    tools: { ytdlpPath: YTDLP_PATH, streamlinkPath: STREAMLINK_PATH, proxy: HTTPS_PROXY ?? HTTP_PROXY ?? null },
    timeouts: { manifestMs: environment.MANIFEST_FETCH_TIMEOUT, segmentMs: environment.SEGMENT_FETCH_TIMEOUT },
    segmentMaxBytes: environment.SEGMENT_MAX_BYTES,
  })
}

type MonitorOutputs = { readonly reports: ReportQueue<MonitorState, MonitorEvent>; readonly log: Log }

/** Creates the monitor: observations go through the state machine, and what they change is reported and logged. */
function createMonitor(initial: MonitorState, config: MonitorConfig, { reports, log }: MonitorOutputs): Monitor {
  let state = initial
  return {
    state: () => state,
    observe: (observation) => {
      const before = state
      const after = afterObservation(before, observation, config)
      if (after.state === before) return
      state = after.state
      for (const event of after.events) log.info('event', { event_type: event.event_type, data: event.data })
      reports.enqueue(after.state, chooseUrgency(before, after), after.events)
    },
  }
}

function chooseUrgency(before: MonitorState, { state, events }: MonitorTransition): ReportUrgency {
  if (events.length > 0 || state.phase.kind !== before.phase.kind) return 'now'
  return state.statistics === before.statistics ? 'later' : 'soon'
}
