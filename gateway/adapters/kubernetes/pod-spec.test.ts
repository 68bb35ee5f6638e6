import { describe, expect, test } from 'vitest'

import type { WorkerSpec } from '../../ports/launcher.ts'
import { buildPod } from './pod-spec.ts'
import { ENCODE_ROLE, MONITOR_ROLE } from './testing/roles.ts'

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
  controller: true,
  blockOwnerDeletion: false,
}
const OPTIONS = {
  namespace: 'tallylight',
  image: 'registry.example.com/tallylight-worker:1',
  secret: 'tallylight-storage',
  owner: OWNER,
}

const pod = buildPod(SPEC, MONITOR_ROLE, OPTIONS)
const container = pod.spec?.containers[0]

describe('the Pod of a worker', () => {
  test('has the name, the namespace and the labels by which it is found', () => {
    expect(pod).toMatchObject({ apiVersion: 'v1', kind: 'Pod', metadata: { name: SPEC.name, namespace: 'tallylight' } })
    expect(pod.metadata?.labels).toEqual({
      app: 'stream-monitor',
      'monitor-id': ID,
      'app.kubernetes.io/name': 'stream-monitor',
      'app.kubernetes.io/component': 'worker',
      'app.kubernetes.io/part-of': 'tallylight',
      'app.kubernetes.io/managed-by': 'tallylight-gateway',
      'tallylight.dev/ingress': 'none',
      'tallylight.dev/egress': 'internet',
    })
  })

  test('keeps the limits of names and labels', () => {
    expect(pod.metadata?.name).toMatch(/^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/)
    for (const [name, value] of Object.entries(pod.metadata?.labels ?? {})) {
      expect(name).toMatch(/^(?:[a-z0-9.-]{1,253}\/)?[A-Za-z0-9][-\w.]{0,62}$/)
      expect(value).toMatch(/^[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/)
    }
  })

  test('restarts after a failure, and has a grace period of 30 s', () => {
    expect(pod.spec).toMatchObject({ restartPolicy: 'OnFailure', terminationGracePeriodSeconds: 30 })
  })

  test.each([
    [true, { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' }],
    [false, { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false', 'karpenter.sh/do-not-disrupt': 'true' }],
  ])('states to autoscalers whether they may move it: %s', (isMovable, annotations) => {
    expect(buildPod(SPEC, { ...MONITOR_ROLE, isMovable }, OPTIONS).metadata?.annotations).toEqual(annotations)
  })

  test('is deleted with its owner, and does not block the deletion of the owner', () => {
    expect(pod.metadata?.ownerReferences).toEqual([OWNER])
    expect(buildPod(SPEC, MONITOR_ROLE, { ...OPTIONS, owner: null }).metadata).not.toHaveProperty('ownerReferences')
  })

  test('has one container of the configured image, named after its kind', () => {
    expect(pod.spec?.containers).toHaveLength(1)
    expect(container).toMatchObject({ name: 'monitor', image: OPTIONS.image, imagePullPolicy: 'IfNotPresent' })
    expect(container).toHaveProperty('terminationMessagePolicy', 'FallbackToLogsOnError')
  })

  test('passes the environment unchanged: `$` is escaped, so the kubelet expands nothing', () => {
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

  test('has the resources of its role', () => {
    expect(container?.resources).toEqual(MONITOR_ROLE.resources)
  })

  test('can write to its work folder and to /tmp, each with a size limit, and nowhere else', () => {
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

  test('is probed on its health port, and restarted only after a minute without an answer', () => {
    const { livenessProbe, readinessProbe } = container ?? {}
    expect(livenessProbe?.httpGet).toEqual({ path: '/healthz', port: 8081 })
    expect(readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 8081 })
    expect((livenessProbe?.periodSeconds ?? 0) * (livenessProbe?.failureThreshold ?? 0)).toBeGreaterThanOrEqual(60)
    expect(livenessProbe?.timeoutSeconds).toBeGreaterThanOrEqual(5)
  })

  test('receives no token of the cluster and no addresses of Services', () => {
    expect(pod.spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
    expect(pod.spec).not.toHaveProperty('serviceAccountName')
  })

  test('listens on its health port and the ports of its role', () => {
    expect(container?.ports).toEqual([{ name: 'health', containerPort: 8081 }])
    const { spec } = buildPod(SPEC, { ...MONITOR_ROLE, ports: [{ name: 'rtmp', port: 1935 }] }, OPTIONS)
    expect(spec?.containers[0]?.ports).toEqual([
      { name: 'health', containerPort: 8081 },
      { name: 'rtmp', containerPort: 1935 },
    ])
  })

  test('knows its own address if it is reached at a port of its role', () => {
    const addressOf = ({ spec }: ReturnType<typeof buildPod>) =>
      spec?.containers[0]?.env?.filter(({ name }) => name === 'POD_IP')
    const reached = buildPod(SPEC, { ...MONITOR_ROLE, ports: [{ name: 'parts', port: 8082 }] }, OPTIONS)
    expect(addressOf(reached)).toEqual([{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }])
    expect(addressOf(pod)).toEqual([])
  })

  test.each(['none', 'cluster', 'public'] as const)('has labels for the network access %s of its role', (ingress) => {
    const network = { ingress, egress: 'gateway' } as const
    expect(buildPod(SPEC, { ...MONITOR_ROLE, network }, OPTIONS).metadata?.labels).toMatchObject({
      'tallylight.dev/ingress': ingress,
      'tallylight.dev/egress': 'gateway',
    })
  })

  test('runs as a numeric user', () => {
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
  const encoder = buildPod(encodes, ENCODE_ROLE, OPTIONS)
  const [only] = encoder.spec?.containers ?? []

  test('differs from a monitor in its labels, and has the same component label as every worker', () => {
    expect(encoder.metadata).toMatchObject({ name: encodes.name, ownerReferences: [OWNER] })
    expect(encoder.metadata?.labels).toEqual({
      app: 'encode',
      'job-id': TASK,
      'app.kubernetes.io/name': 'encode',
      'app.kubernetes.io/component': 'worker',
      'app.kubernetes.io/part-of': 'tallylight',
      'app.kubernetes.io/managed-by': 'tallylight-gateway',
      'tallylight.dev/ingress': 'none',
      'tallylight.dev/egress': 'internet',
    })
    expect([only?.name, only?.image]).toEqual(['job', OPTIONS.image])
  })

  test('references each secret by its name in the Secret for workers, and contains none', () => {
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

  test('references no Secret if the worker has no secrets', () => {
    const { secrets: _, ...plain } = encodes
    for (const spec of [plain, { ...plain, secrets: {} }]) {
      expect(JSON.stringify(buildPod(spec, ENCODE_ROLE, OPTIONS))).not.toContain('secretKeyRef')
    }
  })

  test('has the resources and the disk of its role', () => {
    expect(only?.resources).toEqual(ENCODE_ROLE.resources)
    expect(encoder.spec?.volumes).toContainEqual({ name: 'work', emptyDir: { sizeLimit: '40Gi' } })
    expect(only?.volumeMounts).toContainEqual({ name: 'work', mountPath: '/tmp/ffmpeg-jobs' })
  })
})
