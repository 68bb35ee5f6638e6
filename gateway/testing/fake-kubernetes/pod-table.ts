import type { ContainerStatus, StoredPod } from './wire.ts'

/** Whether the client wants rows to print in place of objects, as kubectl does. */
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

/** Pods as the rows that kubectl prints. */
export function podTable(pods: readonly StoredPod[], metadata: object): object {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: COLUMNS,
    rows: pods.map((pod) => ({
      cells: cellsOf(pod),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: pod.metadata },
    })),
  }
}

function cellsOf({ metadata, spec, status }: StoredPod): readonly string[] {
  const statuses = status.containerStatuses ?? []
  const ready = statuses.filter((one) => one.ready).length
  return [
    metadata.name,
    `${ready}/${spec.containers.length}`,
    summaryOf(metadata.deletionTimestamp, status.reason ?? status.phase ?? '', statuses),
    restartsOf(statuses),
    ago(metadata.creationTimestamp),
    status.podIP ?? '<none>',
    spec.nodeName ?? '<none>',
    '<none>',
    '<none>',
  ]
}

/** What kubectl shows as STATUS: `Running`, `CrashLoopBackOff`, `OOMKilled`, `Terminating` … */
function summaryOf(deletedAt: string | undefined, phase: string, statuses: readonly ContainerStatus[]): string {
  const trouble = statuses.map(({ state }) => state?.waiting?.reason ?? terminatedReason(state?.terminated))
  const said = trouble.find((reason) => reason !== null) ?? phase
  if (deletedAt !== undefined && phase !== 'Succeeded' && phase !== 'Failed') return 'Terminating'
  return said
}

function terminatedReason(terminated: { reason?: string; exitCode: number } | undefined): string | null {
  if (terminated === undefined) return null
  return terminated.reason ?? `ExitCode:${terminated.exitCode}`
}

function restartsOf(statuses: readonly ContainerStatus[]): string {
  const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0)
  const last =
    statuses
      .map(({ lastState }) => lastState?.terminated?.finishedAt ?? '')
      .toSorted()
      .at(-1) ?? ''
  return restarts === 0 || last === '' ? `${restarts}` : `${restarts} (${ago(last)} ago)`
}

/** How kubectl writes a span of time: `7s`, `3m12s`, `5h`. */
function ago(time: string | undefined): string {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(time ?? '')) / 1000))
  if (Number.isNaN(seconds)) return '<unknown>'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`
  if (minutes < 180) return `${minutes}m`
  return minutes < 2880 ? `${Math.floor(minutes / 60)}h` : `${Math.floor(minutes / 1440)}d`
}
