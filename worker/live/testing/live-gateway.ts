import * as v from 'valibot'

import {
  type BroadcastOrder,
  BroadcastReport,
  type BroadcastReportAccepted,
  type EncoderRun,
  type IngestSource,
  type StoredSegment,
} from '../../../shared/contract/live.ts'
import type { TargetOrder } from '../../../shared/contract/live-targets.ts'
import { type FakeGateway, type GatewayAnswer, refusal, startFakeGateway } from '../../testing/fake-gateway.ts'

/** A segment with the epoch of its report. */
export type ReportedSegment = StoredSegment & { readonly epoch: number }

/** A fake gateway with a single broadcast, which knows epochs as the gateway does. */
export type LiveGateway = FakeGateway & {
  reports(): readonly BroadcastReport[]
  segments(): readonly ReportedSegment[]
  runs(): readonly (EncoderRun & { readonly epoch: number })[]
  /** Sets the encoder that answers name. */
  setSource(source: IngestSource | null): void
  /** Ends the broadcast. */
  end(): void
}

export type LiveGatewayOptions = {
  readonly source: IngestSource | null
  readonly order?: Partial<BroadcastOrder>
  /** Targets of the broadcast, also at private addresses. Without them, the gateway knows none. */
  readonly targets?: readonly TargetOrder[]
  /** Returns another answer to a report; `null`: it is accepted. */
  readonly answer?: (report: BroadcastReport) => GatewayAnswer | null
}

const STREAM_ID = '019502f0-0000-7000-8000-000000000001'
/** Folder of the broadcast in the store. */
export const FOLDER = `live/${STREAM_ID}/`

/** Starts the gateway. Each claim raises the epoch, and continues where the reported segments end. */
export async function startLiveGateway(options: LiveGatewayOptions): Promise<LiveGateway> {
  const sources = createSources(options.source, options.order?.unfinished_sources ?? [])
  let isOver = false
  let epoch = 0
  const reports: BroadcastReport[] = []
  const segments = () => reports.flatMap((report) => report.segments.map((row) => ({ ...row, epoch: report.epoch })))
  const runs = () => reports.flatMap((report) => report.runs.map((run) => ({ ...run, epoch: report.epoch })))

  function findKnownUntil(): BroadcastOrder['known_until'] {
    const last = segments().at(-1)
    const run = runs().find((candidate) => candidate.epoch === last?.epoch && candidate.run === last.run)
    return last === undefined || run === undefined ? null : { session: run.session, ms: last.end_ms }
  }

  function claim(): GatewayAnswer {
    epoch += 1
    const order: BroadcastOrder = {
      stream_id: STREAM_ID,
      latency: 'low',
      ladder: [
        { height: 180, video_kbps: 300 },
        { height: 90, video_kbps: 120 },
      ],
      folder: FOLDER,
      known_until: findKnownUntil(),
      ...options.order,
      ...sources.read(),
    }
    const policy = { allow_private_networks: options.targets !== undefined, allow_any_site: false }
    return { status: 200, body: { epoch, resume: null, policy, order } }
  }

  function accept(report: BroadcastReport): GatewayAnswer {
    if (report.epoch !== epoch) return refusal(409, 'STALE_EPOCH')
    const isKnown = reports.some((known) => known.epoch === report.epoch && known.seq === report.seq)
    if (!isKnown) reports.push(report)
    sources.finish(report.finished_session)
    const answer = { duplicate: isKnown, is_over: isOver, ...orderTargets(options, report) }
    const body: BroadcastReportAccepted = { ...sources.read(), ...answer }
    return { status: 200, body }
  }

  const gateway = await startFakeGateway((call) => {
    if (call.path.endsWith('/claim')) return claim()
    const report = v.parse(BroadcastReport, JSON.parse(call.body))
    return options.answer?.(report) ?? accept(report)
  })
  return {
    ...gateway,
    reports: () => reports,
    segments,
    runs,
    setSource: sources.set,
    end: () => (isOver = true),
  }
}

/** Keeps what encoders have sent, as the gateway does. */
function createSources(first: IngestSource | null, before: readonly IngestSource[]) {
  let source = first
  let unfinished = [...before]
  function set(next: IngestSource | null): void {
    source = next
    if (next !== null && unfinished.every(({ session }) => session !== next.session)) unfinished.push(next)
  }
  set(first)
  return {
    set,
    finish(finished: string | null): void {
      if (finished !== null && finished === source?.session) source = null
      unfinished = unfinished.slice(unfinished.findIndex(({ session }) => session === finished) + 1)
    },
    read: () => ({ source, unfinished_sources: unfinished }),
  }
}

/** Orders the targets, with the key of those that the report does not name. */
function orderTargets(
  { targets }: LiveGatewayOptions,
  report: BroadcastReport,
): Pick<BroadcastReportAccepted, 'targets'> {
  const known = new Set(report.targets?.map((target) => target.target_id))
  const orderOf = (target: TargetOrder) => (known.has(target.target_id) ? { ...target, push: null } : target)
  return targets === undefined ? {} : { targets: targets.map(orderOf) }
}
