import type { JobReport } from '../../shared/contract/jobs.ts'

/** What a job that is done has stored. */
export const AN_OUTPUT = {
  output_url: 'http://media/x.mp4',
  output_type: 'single',
  files_uploaded: 1,
  bytes: 9,
} as const

/** What a splitter makes of its job. */
export function planOf(pieces: number) {
  const chunks = Array.from({ length: pieces }, (_, i) => ({ index: i, first_frame: 9 * i, end_frame: 9 * i + 9 }))
  return { chunks, source: {} }
}

/** A worker's word on its task, as far as a test says something of its own. */
export type Told = Partial<Omit<JobReport, 'epoch' | 'seq'>>

/** A report of a job's worker, as it would send it. */
export function jobReportOf(epoch: number, seq: number, told: Told = {}): JobReport {
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
    ...told,
    epoch,
    seq,
  }
}
