/** The reasons that metrics distinguish; every other word of a launcher counts as `other`. */
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

/** Returns a worker's exit reason as a metric label: one of few values, whatever the launcher reported. */
export function reasonLabel(reason: string): string {
  return REASONS.has(reason) || /^SIG[A-Z]{2,6}\d?$/.test(reason) ? reason : 'other'
}
