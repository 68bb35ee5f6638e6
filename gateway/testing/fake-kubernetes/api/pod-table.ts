import type { ContainerStatus, StoredPod } from '../wire.ts'

/** Returns whether a client accepts a table in place of objects, as kubectl does. */
export function wantsTable(accept: string): boolean {
  return /application\/json;[^,]*as=Table/.test(accept)
}

const COLUMNS = [
  ['Name', 'string', 'name', 'Name must be unique within a namespace.', 0],
  ['Ready', 'string', '', 'The aggregate readiness state of this pod for accepting traffic.', 0],
  ['Status', 'string', '', 'The aggregate status of the containers in this pod.', 0],
  [
    'Restarts',
    'string',
    '',
    'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
    0,
  ],
  [
    'Age',
    'string',
    '',
    'CreationTimestamp is a timestamp representing the server time when this object was created.',
    0,
  ],
  ['IP', 'string', '', 'podIP address allocated to the pod. Empty if not yet allocated.', 1],
  ['Node', 'string', '', 'NodeName indicates in which node this pod is scheduled.', 1],
  ['Nominated Node', 'string', '', 'nominatedNodeName is set only when this pod preempts other pods on the node.', 1],
  ['Readiness Gates', 'string', '', 'If specified, all readiness gates will be evaluated for pod readiness.', 1],
].map(([name, type, format, description, priority]) => ({ name, type, format, description, priority }))

/** Formats Pods as the table that kubectl prints. */
export function formatPodTable(pods: readonly StoredPod[], metadata: object): object {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: COLUMNS,
    rows: pods.map((pod) => ({
      cells: formatCells(pod),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: pod.metadata },
    })),
  }
}

function formatCells({ metadata, spec, status }: StoredPod): readonly string[] {
  const statuses = status.containerStatuses ?? []
  const ready = statuses.filter((one) => one.ready).length
  return [
    metadata.name,
    `${ready}/${spec.containers.length}`,
    formatStatus(metadata.deletionTimestamp, status.reason ?? status.phase ?? '', statuses),
    formatRestarts(statuses),
    formatAge(metadata.creationTimestamp),
    status.podIP ?? '<none>',
    spec.nodeName ?? '<none>',
    '<none>',
    '<none>',
  ]
}

/** Formats the column STATUS: `Running`, `CrashLoopBackOff`, `OOMKilled`, `Terminating`. */
function formatStatus(deletedAt: string | undefined, phase: string, statuses: readonly ContainerStatus[]): string {
  const reasons = statuses.map(({ state }) => state?.waiting?.reason ?? terminatedReason(state?.terminated))
  const status = reasons.find((reason) => reason !== null) ?? phase
  if (deletedAt !== undefined && phase !== 'Succeeded' && phase !== 'Failed') return 'Terminating'
  return status
}

function terminatedReason(terminated: { reason?: string; exitCode: number } | undefined): string | null {
  if (terminated === undefined) return null
  return terminated.reason ?? `ExitCode:${terminated.exitCode}`
}

function formatRestarts(statuses: readonly ContainerStatus[]): string {
  const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0)
  const last =
    statuses
      .map(({ lastState }) => lastState?.terminated?.finishedAt ?? '')
      .toSorted()
      .at(-1) ?? ''
  return restarts === 0 || last === '' ? `${restarts}` : `${restarts} (${formatAge(last)} ago)`
}

/** Formats a time as its age in kubectl's style: `7s`, `3m12s`, `5h`. */
function formatAge(time: string | undefined): string {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(time ?? '')) / 1000))
  if (Number.isNaN(seconds)) return '<unknown>'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`
  if (minutes < 180) return `${minutes}m`
  return minutes < 2880 ? `${Math.floor(minutes / 60)}h` : `${Math.floor(minutes / 1440)}d`
}
