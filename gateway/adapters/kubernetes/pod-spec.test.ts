import * as k8s from '@kubernetes/client-node'
import { Pod as PublishedPod } from 'kubernetes-models/v1'
import { describe, expect, test } from 'vitest'

import type { WorkerSpec } from '../../workers/launcher.ts'
import { podFor } from './pod-spec.ts'
import { ENCODE_ROLE } from './testing/encode-role.ts'
import { MONITOR_ROLE } from './testing/monitor-role.ts'

const ID = 'mon-019f0c9e-6d3b-7cc1-a0b4-4d8f1c2e5a77'
const SPEC: WorkerSpec = {
  name: `stream-monitor-${ID}`,
  kind: 'monitor',
  assignmentId: ID,
  env: {
    WORKER_KIND: 'monitor',
    WORKER_TOKEN: 'a-token-of-its-own',
    METADATA_JSON: '{"cost":"$(WORKER_TOKEN) $$ $5"}',
  },
}
const OWNER = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  name: 'tallylight-gateway',
  uid: 'd-1',
  blockOwnerDeletion: false,
}
const OPTIONS = {
  namespace: 'tallylight',
  image: 'registry.example.com/tallylight-worker:1',
  secret: 'tallylight-storage',
  owner: OWNER,
}

const pod = podFor(SPEC, MONITOR_ROLE, OPTIONS)
const container = pod.spec?.containers[0]

describe('the Pod of a worker', () => {
  test('has the name, the namespace and the labels that it is found by', () => {
    expect(pod).toMatchObject({ apiVersion: 'v1', kind: 'Pod', metadata: { name: SPEC.name, namespace: 'tallylight' } })
    expect(pod.metadata?.labels).toEqual({
      app: 'stream-monitor',
      'monitor-id': ID,
      'app.kubernetes.io/name': 'stream-monitor',
      'app.kubernetes.io/component': 'worker',
      'app.kubernetes.io/part-of': 'tallylight',
      'app.kubernetes.io/managed-by': 'tallylight-gateway',
    })
  })

  test('fits the limits of names and labels', () => {
    expect(pod.metadata?.name).toMatch(/^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/)
    for (const [name, value] of Object.entries(pod.metadata?.labels ?? {})) {
      expect(name).toMatch(/^(?:[a-z0-9.-]{1,253}\/)?[A-Za-z0-9][-\w.]{0,62}$/)
      expect(value).toMatch(/^[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/)
    }
  })

  test('is started again where it failed, and has half a minute to go', () => {
    expect(pod.spec).toMatchObject({ restartPolicy: 'OnFailure', terminationGracePeriodSeconds: 30 })
  })

  test('goes with its owner, whose deletion it does not hold up', () => {
    expect(pod.metadata?.ownerReferences).toEqual([OWNER])
    expect(podFor(SPEC, MONITOR_ROLE, { ...OPTIONS, owner: null }).metadata).not.toHaveProperty('ownerReferences')
  })

  test('is one container of the given image, named by its kind', () => {
    expect(pod.spec?.containers).toHaveLength(1)
    expect(container).toMatchObject({ name: 'monitor', image: OPTIONS.image, imagePullPolicy: 'IfNotPresent' })
    expect(container).toHaveProperty('terminationMessagePolicy', 'FallbackToLogsOnError')
  })

  test('has the environment of its worker as it stands: the kubelet is kept from reading variables into it', () => {
    const env = Object.fromEntries(container?.env?.map(({ name, value }) => [name, value]) ?? [])
    expect(env).toEqual({
      WORKER_KIND: 'monitor',
      WORKER_TOKEN: 'a-token-of-its-own',
      METADATA_JSON: '{"cost":"$$(WORKER_TOKEN) $$$$ $$5"}',
      HEALTH_PORT: '8081',
      HOME: '/tmp',
      TMPDIR: '/tmp',
    })
  })

  test('shows no secret in a command, an argument, a label or an annotation', () => {
    expect(container).not.toHaveProperty('command')
    expect(container).not.toHaveProperty('args')
    expect(JSON.stringify(pod.metadata)).not.toContain('a-token-of-its-own')
  })

  test('may take what its role may', () => {
    expect(container?.resources).toEqual(MONITOR_ROLE.resources)
  })

  test('can write to its work folder and to /tmp, each with a limit, and nowhere else', () => {
    expect(container?.volumeMounts).toEqual([
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'work', mountPath: '/tmp/segments' },
    ])
    const limit = expect.stringMatching(/^\d+Mi$/) as string
    expect(pod.spec?.volumes).toEqual([
      { name: 'tmp', emptyDir: { sizeLimit: limit } },
      { name: 'work', emptyDir: { sizeLimit: limit } },
    ])
    expect(container?.securityContext?.readOnlyRootFilesystem).toBe(true)
  })

  test("is asked on its own port how it is, and has a minute's patience while its CPU is busy", () => {
    const { livenessProbe, readinessProbe } = container ?? {}
    expect(livenessProbe?.httpGet).toEqual({ path: '/healthz', port: 8081 })
    expect(readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 8081 })
    expect((livenessProbe?.periodSeconds ?? 0) * (livenessProbe?.failureThreshold ?? 0)).toBeGreaterThanOrEqual(60)
    expect(livenessProbe?.timeoutSeconds).toBeGreaterThanOrEqual(5)
  })

  test('is given nothing of the cluster: no token, no addresses of services', () => {
    expect(pod.spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
    expect(pod.spec).not.toHaveProperty('serviceAccountName')
  })

  test('runs as a numbered user', () => {
    expect(pod.spec?.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001 })
  })
})

describe('the Pod of a worker that encodes', () => {
  const TASK = 'task-019f0c9e-6d3b-7cc1-a0b4-4d8f1c2e5a77'
  const encodes: WorkerSpec = {
    name: `encode-${TASK}-2`,
    kind: 'job',
    assignmentId: TASK,
    env: { WORKER_KIND: 'encode', S3_ACCESS_KEY_ID: 'who-we-are', WORKER_TOKEN: 'a-token-of-its-own' },
    secrets: { S3_SECRET_ACCESS_KEY: 'never-to-be-$een', FTP_PASSWORD: 'nor-this' },
  }
  const encoder = podFor(encodes, ENCODE_ROLE, OPTIONS)
  const [only] = encoder.spec?.containers ?? []

  test('is told from a monitor’s by its labels, and is a worker like it to Services and NetworkPolicies', () => {
    expect(encoder.metadata).toMatchObject({ name: encodes.name, ownerReferences: [OWNER] })
    expect(encoder.metadata?.labels).toEqual({
      app: 'encode',
      'job-id': TASK,
      'app.kubernetes.io/name': 'encode',
      'app.kubernetes.io/component': 'worker',
      'app.kubernetes.io/part-of': 'tallylight',
      'app.kubernetes.io/managed-by': 'tallylight-gateway',
    })
    expect([only?.name, only?.image]).toEqual(['job', OPTIONS.image])
  })

  test('takes each secret by its name from the Secret for workers, and shows none', () => {
    const env = only?.env ?? []
    const taken = env.filter(({ valueFrom }) => valueFrom !== undefined)
    expect(taken).toEqual(
      ['S3_SECRET_ACCESS_KEY', 'FTP_PASSWORD'].map((key) => ({
        name: key,
        valueFrom: { secretKeyRef: { name: 'tallylight-storage', key } },
      })),
    )
    expect(new Set(env.map(({ name }) => name)).size).toBe(env.length)
    expect(env).toContainEqual({ name: 'S3_ACCESS_KEY_ID', value: 'who-we-are' })
    for (const secret of Object.values(encodes.secrets ?? {})) expect(JSON.stringify(encoder)).not.toContain(secret)
  })

  test('asks for no Secret where there is nothing to be taken from it', () => {
    const { secrets: _, ...plain } = encodes
    for (const spec of [plain, { ...plain, secrets: {} }]) {
      expect(JSON.stringify(podFor(spec, ENCODE_ROLE, OPTIONS))).not.toContain('secretKeyRef')
    }
  })

  test('may take and keep what its role may, which is more than a monitor', () => {
    expect(only?.resources).toEqual(ENCODE_ROLE.resources)
    expect(encoder.spec?.volumes).toContainEqual({ name: 'work', emptyDir: { sizeLimit: '40Gi' } })
    expect(only?.volumeMounts).toContainEqual({ name: 'work', mountPath: '/tmp/ffmpeg-jobs' })
  })

  test('is let in by the Pod Security Standard `restricted`, and taken by the published schema', () => {
    expect(restrictedProblems(encoder)).toEqual([])
    expect(schemaProblems(encoder)).toEqual([])
  })
})

describe('the Pod Security Standard `restricted`', () => {
  test('lets the Pod in', () => {
    expect(restrictedProblems(pod)).toEqual([])
  })

  test.each<[string, (changed: k8s.V1Pod) => void]>([
    ['hostNetwork', ({ spec }) => spec && (spec.hostNetwork = true)],
    ['volumes', ({ spec }) => spec?.volumes?.push({ name: 'host', hostPath: { path: '/' } })],
    ['ports', ({ spec }) => spec?.containers[0]?.ports?.push({ containerPort: 1, hostPort: 1 })],
    ['allowPrivilegeEscalation', (changed) => delete securityOf(changed).allowPrivilegeEscalation],
    ['privileged', (changed) => (securityOf(changed).privileged = true)],
    ['capabilities', (changed) => delete securityOf(changed).capabilities],
    ['runAsNonRoot', ({ spec }) => delete spec?.securityContext?.runAsNonRoot],
    ['runAsUser', (changed) => (securityOf(changed).runAsUser = 0)],
    ['seccompProfile', ({ spec }) => delete spec?.securityContext?.seccompProfile],
  ])('would not without its rule on %s', (rule, change) => {
    const changed = structuredClone(pod)
    change(changed)
    expect(restrictedProblems(changed)).toEqual([rule])
  })
})

describe('the published schema of the API', () => {
  test('knows every field of the Pod, and takes its values', () => {
    expect(schemaProblems(pod)).toEqual([])
  })

  test.each<[string, (changed: Record<string, unknown>, container: Record<string, unknown>) => void]>([
    ['an unknown field', (_spec, one) => (one['surprise'] = 1)],
    ['an unknown field of the Pod', (spec) => (spec['restartsPolicy'] = 'OnFailure')],
    ['a wrong type', (_spec, one) => (one['image'] = 1)],
    ['a wrong word', (_spec, one) => (one['imagePullPolicy'] = 'Sometimes')],
    ['a wrong quantity', (_spec, one) => (one['resources'] = { limits: { cpu: 'much' } })],
    ['a missing field', (_spec, one) => delete one['name']],
  ])('would not take %s', (_what, change) => {
    const changed = structuredClone(pod) as unknown as {
      spec: Record<string, unknown> & { containers: [Record<string, unknown>] }
    }
    change(changed.spec, changed.spec.containers[0])
    expect(schemaProblems(changed)).toHaveLength(1)
  })
})

function securityOf({ spec }: k8s.V1Pod): k8s.V1SecurityContext {
  return spec?.containers[0]?.securityContext ?? {}
}

type Rule = (spec: k8s.V1PodSpec, containers: readonly k8s.V1Container[]) => boolean

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

/** The rules that a Pod breaks. */
function restrictedProblems({ spec }: k8s.V1Pod): string[] {
  if (spec === undefined) return ['spec']
  const containers = [...spec.containers, ...(spec.initContainers ?? [])]
  return Object.entries(RESTRICTED).flatMap(([name, isKept]) => (isKept(spec, containers) ? [] : [name]))
}

type Field = { readonly baseName: string; readonly type: string }

/** Values by kubernetes-models' schema, which passes over names that it does not know; names by client-node's models. */
function schemaProblems(candidate: unknown): string[] {
  const unknown = unknownFields(candidate, 'V1Pod', '')
  try {
    new PublishedPod(candidate as ConstructorParameters<typeof PublishedPod>[0]).validate()
    return unknown
  } catch (error) {
    return [...unknown, String(error)]
  }
}

function unknownFields(value: unknown, type: string, at: string): string[] {
  const listed = /^Array<(.+)>$/.exec(type)?.[1]
  if (listed !== undefined)
    return (value as unknown[]).flatMap((one, index) => unknownFields(one, listed, `${at}/${index}`))
  const model = Object.entries(k8s).find(([name]) => name === type)?.[1]
  if (typeof model !== 'function' || !('getAttributeTypeMap' in model)) return []
  const fields = (model as { getAttributeTypeMap(): readonly Field[] }).getAttributeTypeMap()
  return Object.entries(value as object).flatMap(([name, inner]) => {
    const field = fields.find(({ baseName }) => baseName === name)
    return field === undefined ? [`${at}/${name}`] : unknownFields(inner, field.type, `${at}/${name}`)
  })
}
