import * as v from 'valibot'

import { JobReport, type JobOrder } from '../../shared/contract/jobs.ts'
import type { Preset } from '../../shared/contract/presets.ts'
import { ACCEPTED, startFakeGateway, type Answer, type Call, type FakeGateway } from './fake-gateway.ts'

export type JobGateway = FakeGateway & {
  /** Every report so far. */
  reports(): readonly JobReport[]
  /** Resolves with the first report that is wanted; fails after the deadline. */
  report(isWanted: (report: JobReport) => boolean, timeoutMs?: number): Promise<JobReport>
}

export type JobGatewayOptions = {
  readonly order: JobOrder
  readonly allowPrivateNetworks?: boolean
  /** How a report is answered; accepted by default. */
  readonly answer?: (report: JobReport) => Answer | Promise<Answer>
}

/** A gateway that hands one order to whoever claims, and keeps what it is told of it. */
export async function startJobGateway({ order, ...options }: JobGatewayOptions): Promise<JobGateway> {
  const policy = { allow_private_networks: options.allowPrivateNetworks ?? true, allow_any_site: false }
  const gateway = await startFakeGateway((call) => {
    if (call.path.endsWith('/claim')) return { status: 200, body: { epoch: 1, resume: null, policy, order } }
    return options.answer?.(toReport(call)) ?? ACCEPTED
  })
  const reports = () => gateway.calls.filter(isReport).map(toReport)
  return {
    ...gateway,
    reports,
    async report(isWanted, timeoutMs) {
      await gateway.waitFor(() => reports().some(isWanted), timeoutMs)
      const [first] = reports().filter(isWanted)
      if (first === undefined) throw new Error('a report that was there is gone')
      return first
    },
  }
}

function isReport({ path }: Call): boolean {
  return path.endsWith('/status')
}

function toReport({ body }: Call): JobReport {
  return v.parse(JobReport, JSON.parse(body))
}

/** Whether a report is a task's last. */
export function isLast({ state }: JobReport): boolean {
  return state === 'done' || state === 'failed'
}

type EncodeOrder = Extract<JobOrder, { readonly task: 'encode' }>

/** One small H.264 picture with sound, in one MP4 file: as quick as an encode can be. */
export const QUICK_PRESET: Preset = {
  description: 'quick',
  container: 'mp4',
  segment_sec: null,
  video: { codec: 'h264', speed: 'ultrafast', renditions: [{ height: 90, crf: 30, kbps: null }] },
  audio: { codec: 'aac', kbps: 64 },
}

const JOB_ID = 'job-019502f0-0000-7000-8000-000000000001'

/** An order to encode an input whole, into `shows/one.mp4` of the local store, in a minute at most. */
export function encodeOrder(inputUrl: string, changed: Partial<EncodeOrder> = {}): EncodeOrder {
  return {
    task: 'encode',
    job_id: JOB_ID,
    input_url: inputUrl,
    clip: null,
    preset_name: 'quick',
    preset: QUICK_PRESET,
    output: { storage: 'local', path: 'shows/one.mp4', type: 'single' },
    thumbnails: false,
    parts_key: `.tallylight/${JOB_ID}/`,
    leftovers: [],
    time_left_ms: 60_000,
    chunks: 1,
    free_workers: 0,
    ...changed,
  }
}
