import type { V1Container, V1OwnerReference, V1Pod } from '@kubernetes/client-node'

import type { WorkerRole, WorkerSpec } from '../../ports/launcher.ts'

export type PodOptions = {
  readonly namespace: string
  readonly image: string
  /** The Secret that holds the secret variables of workers. */
  readonly secret: string
  /** The owner with which the Pod is deleted, its controller; `null`: none. */
  readonly owner: V1OwnerReference | null
}

/** The port of a worker's probes. */
const HEALTH_PORT = 8081
/** A user id that no image has an account for. */
const USER_ID = 10001
const TMP = '/tmp'
/** The size of the caches and unpacked files of stream resolvers. */
const TMP_LIMIT = '128Mi'

/** Builds the Pod of a worker. The Pod Security Standard `restricted` admits it. */
export function buildPod(spec: WorkerSpec, role: WorkerRole, { namespace, image, secret, owner }: PodOptions): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: spec.name,
      namespace,
      labels: buildLabels(spec, role),
      annotations: buildAnnotations(role),
      ...(owner === null ? {} : { ownerReferences: [owner] }),
    },
    spec: {
      restartPolicy: 'OnFailure',
      terminationGracePeriodSeconds: 30,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER_ID,
        runAsGroup: USER_ID,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [buildContainer(spec, role, { image, secret })],
      volumes: [
        { name: 'tmp', emptyDir: { sizeLimit: TMP_LIMIT } },
        { name: 'work', emptyDir: { sizeLimit: role.workLimit } },
      ],
    },
  }
}

/** Builds the labels by which the launcher finds a Pod, and by which NetworkPolicies (`tallylight.dev/`) select it. */
function buildLabels({ assignmentId }: WorkerSpec, { app, idLabel, network }: WorkerRole): Record<string, string> {
  return {
    app,
    [idLabel]: assignmentId,
    'app.kubernetes.io/name': app,
    'app.kubernetes.io/component': 'worker',
    'app.kubernetes.io/part-of': 'tallylight',
    'app.kubernetes.io/managed-by': 'tallylight-gateway',
    'tallylight.dev/ingress': network.ingress,
    'tallylight.dev/egress': network.egress,
  }
}

/**
 * Builds the annotations that autoscalers read. Without one the Cluster Autoscaler never moves a Pod with an `emptyDir`, or
 * whose controller is a Deployment, and Karpenter moves every Pod.
 */
function buildAnnotations({ isMovable }: WorkerRole): Record<string, string> {
  return {
    'cluster-autoscaler.kubernetes.io/safe-to-evict': String(isMovable),
    ...(isMovable ? {} : { 'karpenter.sh/do-not-disrupt': 'true' }),
  }
}

type ContainerOptions = Pick<PodOptions, 'image' | 'secret'>

function buildContainer(spec: WorkerSpec, role: WorkerRole, { image, secret }: ContainerOptions): V1Container {
  // The root file system is read-only, and the user has no home directory.
  const env = { ...spec.env, HEALTH_PORT: `${HEALTH_PORT}`, HOME: TMP, TMPDIR: TMP }
  return {
    name: role.kind,
    image,
    imagePullPolicy: 'IfNotPresent',
    env: [
      ...Object.entries(env).map(([name, value]) => ({ name, value: escapeReferences(value) })),
      ...Object.keys(spec.secrets ?? {}).map((key) => ({
        name: key,
        valueFrom: { secretKeyRef: { name: secret, key } },
      })),
      ...(role.ports.length === 0 ? [] : [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }]),
    ],
    ports: [
      { name: 'health', containerPort: HEALTH_PORT },
      ...role.ports.map(({ name, port, ...more }) => ({ name, containerPort: port, ...more })),
    ],
    resources: { requests: { ...role.resources.requests }, limits: { ...role.resources.limits } },
    volumeMounts: [
      { name: 'tmp', mountPath: TMP },
      { name: 'work', mountPath: role.workDir },
    ],
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    // A worker at its CPU limit answers late. Only a minute of silence restarts it.
    livenessProbe: {
      httpGet: { path: '/healthz', port: HEALTH_PORT },
      initialDelaySeconds: 10,
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    },
    readinessProbe: {
      httpGet: { path: '/readyz', port: HEALTH_PORT },
      periodSeconds: 5,
      timeoutSeconds: 3,
      failureThreshold: 3,
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
  }
}

/** Escapes `$`: the kubelet expands `$(NAME)` in a value, and reads `$$` as `$`. */
function escapeReferences(value: string): string {
  return value.replaceAll('$', () => '$$')
}
