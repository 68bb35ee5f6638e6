import type { Job } from './store/jobs.ts'
import type { TaskWithJob } from './store/tasks.ts'

/** The effect of a report that counts. `job_ended`: it has ended its job; `refused`: its job had ended before. */
export type ReportOutcome = 'recorded' | 'job_ended' | 'refused'

/** A report that counts, once it is recorded. */
export type RecordedReport = {
  readonly job: Pick<Job, 'id' | 'status' | 'plan' | 'callbackUrl'>
  readonly outcome: ReportOutcome
  /** The tasks that its worker takes next. */
  readonly next: readonly TaskWithJob[]
}
