import type { CounterName, GaugeName, HistogramName, LabelsOf, Reading } from './figures.ts'

/** Where figures go. Each call is a matter of a microsecond, and none fails. */
export type Metrics = {
  count<N extends CounterName>(name: N, labels: LabelsOf<N>, by?: number): void
  observe<N extends HistogramName>(name: N, labels: LabelsOf<N>, value: number): void
  set<N extends GaugeName>(name: N, labels: LabelsOf<N>, value: number): void
  /** All of them with these readings, as Prometheus text; `null` where this runtime keeps none. */
  readonly render: ((readings: readonly Reading[]) => Promise<string>) | null
}

/** For runtimes that keep no figures. */
export const NO_METRICS: Metrics = { count() {}, observe() {}, set() {}, render: null }

/** The exit reasons that are told apart; what else a launcher says in its own words counts as `other`. */
const REASONS: ReadonlySet<string> = new Set([
  'Completed',
  'ContainerCannotRun',
  'CreateContainerConfigError',
  'DeadlineExceeded',
  'ErrImagePull',
  'Error',
  'Evicted',
  'Forbidden',
  'ImagePullBackOff',
  'Invalid',
  'LaunchFailed',
  'LeaseExpired',
  'Missing',
  'NameTaken',
  'NeverClaimed',
  'NodeLost',
  'NodeShutdown',
  'OOMKilled',
  'Preempting',
  'Shutdown',
  'Terminated',
  'Unschedulable',
])

/** A worker's exit reason as a label: one of few, whatever the launcher said. */
export function reasonLabel(reason: string): string {
  return REASONS.has(reason) || /^SIG[A-Z]{2,6}\d?$/.test(reason) ? reason : 'other'
}
