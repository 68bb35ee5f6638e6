import * as v from 'valibot'

import { HEARTBEAT_INTERVAL_MS } from '../../shared/contract/assignment.ts'
import type { MonitorEvent } from '../../shared/contract/events.ts'
import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import type { Log } from '../../shared/log.ts'
import { isManifestUrl } from '../../shared/stream-url.ts'
import { readEnvironment } from '../environment.ts'
import type { Assignment, Outcome, Worker } from '../kind.ts'
import { createFetcher, type Fetcher, type Proxies } from '../platform/http.ts'
import { createReportQueue, type ReportQueue, type Urgency } from '../platform/report-queue.ts'
import { MonitorEnvironment } from './environment.ts'
import type { Monitor } from './follow.ts'
import { createProbe } from './probe.ts'
import { monitorReport } from './report.ts'
import { watchStream } from './run.ts'
import { createSource } from './source.ts'
import { INITIAL_STATE, MonitorState } from './state.ts'
import { step, type Step } from './step.ts'

/** The worker that watches one live stream. */
export function monitorWorker(env: NodeJS.ProcessEnv): Worker {
  const environment = readEnvironment(MonitorEnvironment, env)
  const path = `/internal/v1/monitors/${environment.MONITOR_ID}`
  return {
    environment,
    path,
    logFields: { monitor_id: environment.MONITOR_ID },
    run: (assignment) => runMonitor(environment, path, assignment),
  }
}

async function runMonitor(environment: MonitorEnvironment, path: string, assignment: Assignment): Promise<Outcome> {
  const { claim, callGateway, lifetime, log } = assignment
  const first = resumed(claim.resume, log)
  const reports = createReportQueue<MonitorState, MonitorEvent>({
    epoch: claim.epoch,
    heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
    first,
    compose: monitorReport,
    send: (body, signal) => callGateway({ method: 'PUT', path: `${path}/status`, body }, signal),
    log,
    signal: lifetime.killed,
  })
  const refused = reports.done.then((end) => {
    // Whoever may not report has no business to watch.
    if (end.kind === 'refused') lifetime.kill()
    return end
  })
  await watch(environment, createMonitor(first, environment.CONFIG_JSON, { reports, log }), assignment)
  reports.close()
  const end = await refused
  return end.kind === 'closed' ? { kind: 'finished' } : end
}

/** Where the worker before came to; a monitor's first worker, and one that cannot read it, begin anew. */
function resumed(resume: unknown, log: Log): MonitorState {
  if (resume === null) return INITIAL_STATE
  const parsed = v.safeParse(MonitorState, resume)
  if (parsed.success) return parsed.output
  log.warn('resume state unreadable, beginning anew', { problem: v.summarize(parsed.issues) })
  return INITIAL_STATE
}

async function watch(environment: MonitorEnvironment, monitor: Monitor, assignment: Assignment): Promise<void> {
  const config = environment.CONFIG_JSON
  const policy = { allowPrivateNetworks: assignment.claim.policy.allow_private_networks }
  await using fetcher = createFetcher({ policy, proxies: proxiesOf(environment) })
  await watchStream({
    ...assignment,
    monitor,
    config,
    source: sourceOf(environment, fetcher),
    intervals: {
      waitingMs: environment.WAITING_MODE_INITIAL_INTERVAL,
      waitingLateMs: environment.WAITING_MODE_DELAYED_INTERVAL,
      refreshMs: environment.MANIFEST_REFRESH_INTERVAL,
    },
    createProbe: () => createProbe({ ffmpegPath: environment.FFMPEG_PATH, config }),
  })
}

function proxiesOf({ HTTP_PROXY, HTTPS_PROXY, NO_PROXY }: MonitorEnvironment): Proxies {
  return { http: HTTP_PROXY ?? null, https: HTTPS_PROXY ?? null, except: NO_PROXY ?? null }
}

function sourceOf(environment: MonitorEnvironment, fetcher: Fetcher) {
  const { STREAM_URL, YTDLP_PATH, STREAMLINK_PATH, HTTP_PROXY, HTTPS_PROXY } = environment
  return createSource({
    streamUrl: STREAM_URL,
    direct: isManifestUrl(STREAM_URL),
    fetcher,
    tools: { ytdlpPath: YTDLP_PATH, streamlinkPath: STREAMLINK_PATH, proxy: HTTPS_PROXY ?? HTTP_PROXY ?? null },
    timeouts: { manifestMs: environment.MANIFEST_FETCH_TIMEOUT, segmentMs: environment.SEGMENT_FETCH_TIMEOUT },
    segmentMaxBytes: environment.SEGMENT_MAX_BYTES,
  })
}

type Telling = { readonly reports: ReportQueue<MonitorState, MonitorEvent>; readonly log: Log }

/** The monitor's state in this process: what is observed goes through the state machine and into the reports. */
function createMonitor(first: MonitorState, config: MonitorConfig, { reports, log }: Telling): Monitor {
  let state = first
  return {
    state: () => state,
    observe: (observation) => {
      const before = state
      const after = step(before, observation, config)
      if (after.state === before) return
      state = after.state
      for (const event of after.events) log.info('event', { event_type: event.event_type, data: event.data })
      reports.tell(after.state, urgencyOf(before, after), after.events)
    },
  }
}

function urgencyOf(before: MonitorState, { state, events }: Step): Urgency {
  if (events.length > 0 || state.phase.kind !== before.phase.kind) return 'now'
  return state.statistics === before.statistics ? 'later' : 'soon'
}
