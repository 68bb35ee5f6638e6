import type { JobReport } from '../../../shared/contract/jobs.ts'

/** The output of a completed job. */
export const JOB_OUTPUT = {
  output_url: 'http://media/x.mp4',
  output_type: 'single',
  files_uploaded: 1,
  bytes: 9,
} as const

/** Builds the plan that a splitter reports, with `pieces` chunks of nine frames. */
export function buildChunkPlan(pieces: number) {
  const chunks = Array.from({ length: pieces }, (_, i) => ({ index: i, first_frame: 9 * i, end_frame: 9 * i + 9 }))
  return { chunks, source: {} }
}

/** Fields of a job report that a test sets itself. */
export type JobReportFields = Partial<Omit<JobReport, 'epoch' | 'seq'>>

/** Builds a report of a task's worker: at work without progress, unless `fields` say otherwise. */
export function buildJobReport(epoch: number, seq: number, fields: JobReportFields = {}): JobReport {
  return {
    state: 'processing',
    progress: 0,
    message: 'at work',
    fps: null,
    speed: null,
    eta_sec: null,
    media_info: null,
    validation: null,
    has_stored: false,
    output: null,
    plan: null,
    failure: null,
    room: 0,
    ...fields,
    epoch,
    seq,
  }
}
