import * as v from 'valibot'

import { JobReport, type TaskSpec } from '../../shared/contract/jobs.ts'
import type { Preset } from '../../shared/contract/presets.ts'
import { ACCEPTED, type FakeGateway, type GatewayAnswer, type GatewayCall, startFakeGateway } from './fake-gateway.ts'

/** A fake gateway with a single task. */
export type JobGateway = FakeGateway & {
  /** Returns all reports so far. */
  reports(): readonly JobReport[]
  /** Resolves with the first matching report; rejects after the deadline. */
  report(matches: (report: JobReport) => boolean): Promise<JobReport>
}

export type JobGatewayOptions = {
  /** The task of every claim. */
  readonly spec: TaskSpec
  readonly allowPrivateNetworks?: boolean
  /** Returns the response to a report; accepts it by default. */
  readonly answer?: (report: JobReport) => GatewayAnswer | Promise<GatewayAnswer>
}

/** Starts a fake gateway that assigns one task to every claim and records the task's reports. */
export async function startJobGateway({ spec: order, ...options }: JobGatewayOptions): Promise<JobGateway> {
  const policy = { allow_private_networks: options.allowPrivateNetworks ?? true, allow_any_site: false }
  const gateway = await startFakeGateway((call) => {
    if (call.path.endsWith('/claim')) return { status: 200, body: { epoch: 1, resume: null, policy, order } }
    return options.answer?.(parseReport(call)) ?? ACCEPTED
  })
  const reports = () => gateway.calls.filter(isReport).map(parseReport)
  return {
    ...gateway,
    reports,
    async report(matches) {
      await gateway.waitFor(() => reports().some(matches))
      const [first] = reports().filter(matches)
      if (first === undefined) throw new Error('a recorded report has disappeared')
      return first
    },
  }
}

function isReport({ path }: GatewayCall): boolean {
  return path.endsWith('/status')
}

function parseReport({ body }: GatewayCall): JobReport {
  return v.parse(JobReport, JSON.parse(body))
}

/** Returns whether a report ends its task. */
export function isFinalReport({ state }: JobReport): boolean {
  return state === 'done' || state === 'failed'
}

type EncodeTaskSpec = Extract<TaskSpec, { readonly task: 'encode' }>

/** The fastest encode: a single small H.264 rendition with audio in an MP4 file. */
export const QUICK_PRESET: Preset = {
  description: 'quick',
  container: 'mp4',
  segment_sec: null,
  video: { codec: 'h264', speed: 'ultrafast', renditions: [{ height: 90, crf: 30, kbps: null }] },
  audio: { codec: 'aac', kbps: 64 },
}

const JOB_ID = 'job-019502f0-0000-7000-8000-000000000001'

/** Returns a task that encodes an input to `shows/one.mp4` in the local store, within ten minutes and without a split. */
export function createEncodeSpec(inputUrl: string, overrides: Partial<EncodeTaskSpec> = {}): EncodeTaskSpec {
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
    time_left_ms: 600_000,
    chunks: 1,
    free_workers: 0,
    ...overrides,
  }
}
