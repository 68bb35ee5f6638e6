import type { V1Container, V1Pod, V1PodSpec, V1SecurityContext } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'

import type { Manifest } from '../../../k8s/testing/kustomization.ts'
import { findSchemaProblems } from '../../../k8s/testing/manifest-schema.ts'
import { buildPod } from './pod-spec.ts'
import { ENCODE_ROLE, INGEST_ROLE, LIVE_ROLE, MONITOR_ROLE } from './testing/roles.ts'

const OPTIONS = {
  namespace: 'tallylight',
  image: 'registry.example.com/tallylight-worker:1',
  secret: 'tallylight-storage',
  owner: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'tallylight-gateway', uid: 'd-1' },
}
const MONITOR = buildPod(
  { name: 'stream-monitor-1', kind: 'monitor', assignmentId: '1', env: { WORKER_KIND: 'monitor' } },
  MONITOR_ROLE,
  OPTIONS,
)
const ENCODER = buildPod(
  {
    name: 'encode-1-2',
    kind: 'job',
    assignmentId: '1',
    env: { WORKER_KIND: 'encode' },
    secrets: { S3_SECRET_ACCESS_KEY: 's3cret', FTP_PASSWORD: 's3cret' },
  },
  ENCODE_ROLE,
  OPTIONS,
)
const PODS = [
  ['monitors', MONITOR],
  ['encodes', ENCODER],
  [
    'receives encoders',
    buildPod({ name: 'ingest-0', kind: 'ingest', assignmentId: 'ingest-0', env: {} }, INGEST_ROLE, OPTIONS),
  ],
  ['broadcasts', buildPod({ name: 'live-1', kind: 'live', assignmentId: 'live-1', env: {} }, LIVE_ROLE, OPTIONS)],
] as const

describe('the Pod Security Standard `restricted`', () => {
  test.each(PODS)('admits the Pod of a worker that %s', (_what, worker) => {
    expect(findRestrictedViolations(worker)).toEqual([])
  })

  test.each<[string, (changed: V1Pod) => void]>([
    ['hostNetwork', ({ spec }) => spec && (spec.hostNetwork = true)],
    ['volumes', ({ spec }) => spec?.volumes?.push({ name: 'host', hostPath: { path: '/' } })],
    ['ports', ({ spec }) => spec?.containers[0]?.ports?.push({ containerPort: 1, hostPort: 1 })],
    ['allowPrivilegeEscalation', (changed) => delete securityOf(changed).allowPrivilegeEscalation],
    ['privileged', (changed) => (securityOf(changed).privileged = true)],
    ['capabilities', (changed) => delete securityOf(changed).capabilities],
    ['runAsNonRoot', ({ spec }) => delete spec?.securityContext?.runAsNonRoot],
    ['runAsUser', (changed) => (securityOf(changed).runAsUser = 0)],
    ['seccompProfile', ({ spec }) => delete spec?.securityContext?.seccompProfile],
  ])('rejects a Pod that breaks its rule on %s', (rule, change) => {
    const changed = structuredClone(MONITOR)
    change(changed)
    expect(findRestrictedViolations(changed)).toEqual([rule])
  })
})

describe('the published schema of the API', () => {
  test.each(PODS)('has every field of the Pod of a worker that %s, and accepts its values', async (_what, worker) => {
    expect(await findSchemaProblems(worker as Manifest)).toEqual([])
  })

  test.each<[string, (changed: Record<string, unknown>, container: Record<string, unknown>) => void]>([
    ['an unknown field', (_spec, one) => (one['surprise'] = 1)],
    ['an unknown field of the Pod', (spec) => (spec['restartsPolicy'] = 'OnFailure')],
    ['a wrong type', (_spec, one) => (one['image'] = 1)],
    ['an unknown enum value', (_spec, one) => (one['imagePullPolicy'] = 'Sometimes')],
    ['a wrong quantity', (_spec, one) => (one['resources'] = { limits: { cpu: 'much' } })],
    ['a missing field', (_spec, one) => delete one['name']],
  ])('rejects %s', async (_what, change) => {
    const changed = structuredClone(MONITOR) as unknown as Manifest & {
      spec: Record<string, unknown> & { containers: [Record<string, unknown>] }
    }
    change(changed.spec, changed.spec.containers[0])
    expect(await findSchemaProblems(changed)).toHaveLength(1)
  })
})

function securityOf({ spec }: V1Pod): V1SecurityContext {
  return spec?.containers[0]?.securityContext ?? {}
}

type Rule = (spec: V1PodSpec, containers: readonly V1Container[]) => boolean

const VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]
const PROFILES = ['RuntimeDefault', 'Localhost']

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted */
const RESTRICTED: Readonly<Record<string, Rule>> = {
  hostNetwork: (spec) => !spec.hostNetwork && !spec.hostPID && !spec.hostIPC,
  volumes: ({ volumes = [] }) => volumes.flatMap(Object.keys).every((key) => key === 'name' || VOLUMES.includes(key)),
  ports: (_spec, containers) =>
    containers.flatMap(({ ports = [] }) => ports).every((port) => port.hostPort === undefined),
  allowPrivilegeEscalation: (_spec, containers) =>
    containers.every((one) => one.securityContext?.allowPrivilegeEscalation === false),
  privileged: (_spec, containers) => containers.every((one) => one.securityContext?.privileged !== true),
  capabilities: (_spec, containers) =>
    containers.every(({ securityContext: { capabilities: { drop = [], add = [] } = {} } = {} }) => {
      return drop.includes('ALL') && add.every((one) => one === 'NET_BIND_SERVICE')
    }),
  runAsNonRoot: ({ securityContext: own }, containers) =>
    containers.every((one) => one.securityContext?.runAsNonRoot ?? own?.runAsNonRoot),
  runAsUser: ({ securityContext: own }, containers) =>
    containers.every((one) => (one.securityContext?.runAsUser ?? own?.runAsUser) !== 0),
  seccompProfile: ({ securityContext: own }, containers) =>
    containers.every((one) =>
      PROFILES.includes((one.securityContext?.seccompProfile ?? own?.seccompProfile)?.type ?? ''),
    ),
}

/** Returns the names of the rules that a Pod breaks. */
function findRestrictedViolations({ spec }: V1Pod): string[] {
  if (spec === undefined) return ['spec']
  const containers = [...spec.containers, ...(spec.initContainers ?? [])]
  return Object.entries(RESTRICTED).flatMap(([name, isKept]) => (isKept(spec, containers) ? [] : [name]))
}
