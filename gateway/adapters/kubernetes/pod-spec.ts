import type { V1Container, V1OwnerReference, V1Pod } from '@kubernetes/client-node'

import type { WorkerRole, WorkerSpec } from '../../workers/launcher.ts'

export type PodOptions = {
  readonly namespace: string
  readonly image: string
  /** The Secret that holds what workers need and nobody may read. */
  readonly secret: string
  /** Whom the Pod is to go with; `null`: nobody. */
  readonly owner: V1OwnerReference | null
}

/** Where a worker answers the kubelet's probes. */
const HEALTH_PORT = 8081
/** A user that no image has a name for. */
const USER_ID = 10001
const TMP = '/tmp'
/** What resolvers cache and unpack. */
const TMP_LIMIT = '128Mi'

/** The Pod of a worker. Allowed by the Pod Security Standard `restricted`. */
export function podFor(spec: WorkerSpec, role: WorkerRole, { namespace, image, secret, owner }: PodOptions): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: spec.name,
      namespace,
      labels: {
        app: role.app,
        [role.idLabel]: spec.assignmentId,
        'app.kubernetes.io/name': role.app,
        'app.kubernetes.io/component': 'worker',
        'app.kubernetes.io/part-of': 'tallylight',
        'app.kubernetes.io/managed-by': 'tallylight-gateway',
      },
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
      containers: [containerFor(spec, role, { image, secret })],
      volumes: [
        { name: 'tmp', emptyDir: { sizeLimit: TMP_LIMIT } },
        { name: 'work', emptyDir: { sizeLimit: role.workLimit } },
      ],
    },
  }
}

type ContainerOptions = Pick<PodOptions, 'image' | 'secret'>

function containerFor(spec: WorkerSpec, role: WorkerRole, { image, secret }: ContainerOptions): V1Container {
  // The root is read-only, and the user has no home of its own.
  const env = { ...spec.env, HEALTH_PORT: `${HEALTH_PORT}`, HOME: TMP, TMPDIR: TMP }
  return {
    name: role.kind,
    image,
    imagePullPolicy: 'IfNotPresent',
    env: [
      ...Object.entries(env).map(([name, value]) => ({ name, value: literal(value) })),
      ...Object.keys(spec.secrets ?? {}).map((key) => ({
        name: key,
        valueFrom: { secretKeyRef: { name: secret, key } },
      })),
    ],
    ports: [{ name: 'health', containerPort: HEALTH_PORT }],
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
    // A worker at its CPU limit answers late: only one that says nothing for a minute is started anew.
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

/** The kubelet reads `$(NAME)` in a value as a variable, and `$$` as `$`. */
function literal(value: string): string {
  return value.replaceAll('$', () => '$$')
}
