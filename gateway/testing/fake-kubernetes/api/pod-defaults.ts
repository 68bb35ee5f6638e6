import { randomInt, randomUUID } from 'node:crypto'

import type { V1Container, V1Probe, V1Volume } from '@kubernetes/client-node'

import type { NewPod } from '../pod-store.ts'
import { parseQuantity } from './quantity.ts'
import { formatTime, type Amounts, type Pod, type PodSpec, type Wire } from '../wire.ts'

type Container = Wire<V1Container>
type Probe = Wire<V1Probe>
type Volume = Wire<V1Volume>

/** The letters of a generated name, which cannot form words. */
const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'

const TOLERATIONS = ['not-ready', 'unreachable'].map((state) => ({
  key: `node.kubernetes.io/${state}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
}))

/** Initializes a new Pod as the API server does: with an identity, defaults and the phase `Pending`. */
export function initializePod(pod: Pod, namespace: string): NewPod {
  const { metadata = {} } = pod
  const spec = applySpecDefaults(pod.spec ?? { containers: [] })
  return {
    metadata: {
      ...metadata,
      name: metadata.name ?? `${metadata.generateName ?? ''}${randomSuffix()}`,
      namespace,
      uid: randomUUID(),
      generation: 1,
      creationTimestamp: formatTime(),
    },
    spec,
    status: { phase: 'Pending', qosClass: qosClass(spec.containers) },
  }
}

function randomSuffix(): string {
  return Array.from({ length: 5 }, () => SUFFIX_LETTERS.charAt(randomInt(SUFFIX_LETTERS.length))).join('')
}

function applySpecDefaults(spec: PodSpec): PodSpec {
  const serviceAccount = spec.serviceAccountName ?? spec.serviceAccount ?? 'default'
  return {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    priority: 0,
    enableServiceLinks: true,
    preemptionPolicy: 'PreemptLowerPriority',
    ...spec,
    serviceAccountName: serviceAccount,
    serviceAccount,
    ...(spec.volumes === undefined ? {} : { volumes: spec.volumes.map(applyVolumeDefaults) }),
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(applyContainerDefaults) }),
    containers: spec.containers.map(applyContainerDefaults),
    tolerations: [...(spec.tolerations ?? []), ...TOLERATIONS.filter((one) => !isTolerated(spec, one.key))],
  }
}

function isTolerated(spec: PodSpec, key: string): boolean {
  return (spec.tolerations ?? []).some((one) => one.key === key || one.key === undefined)
}

function applyContainerDefaults(container: Container): Container {
  const { ports, env, livenessProbe, readinessProbe, startupProbe } = container
  return {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: /:(?!latest$)[^/]+$|@/.test(container.image ?? '') ? 'IfNotPresent' : 'Always',
    ...container,
    resources: applyResourceDefaults(container),
    ...(ports === undefined ? {} : { ports: ports.map((port) => ({ protocol: 'TCP', ...port })) }),
    ...(env === undefined ? {} : { env: env.map(applyEnvDefaults) }),
    ...(livenessProbe === undefined ? {} : { livenessProbe: applyProbeDefaults(livenessProbe) }),
    ...(readinessProbe === undefined ? {} : { readinessProbe: applyProbeDefaults(readinessProbe) }),
    ...(startupProbe === undefined ? {} : { startupProbe: applyProbeDefaults(startupProbe) }),
  }
}

/** Adds a request for every limit that has none. */
function applyResourceDefaults({ resources = {} }: Container): Container['resources'] & object {
  if (resources.limits === undefined) return resources
  return { ...resources, requests: { ...resources.limits, ...resources.requests } }
}

function applyEnvDefaults(env: Wire<NonNullable<V1Container['env']>[number]>): typeof env {
  const { valueFrom } = env
  if (valueFrom?.fieldRef === undefined) return env
  return { ...env, valueFrom: { ...valueFrom, fieldRef: { apiVersion: 'v1', ...valueFrom.fieldRef } } }
}

function applyProbeDefaults(probe: Probe): Probe {
  const { httpGet } = probe
  return {
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
    ...probe,
    ...(httpGet === undefined ? {} : { httpGet: { path: '/', scheme: 'HTTP', ...httpGet } }),
  }
}

function applyVolumeDefaults(volume: Volume): Volume {
  const { secret, configMap } = volume
  return {
    ...volume,
    ...(secret === undefined ? {} : { secret: { defaultMode: 0o644, ...secret } }),
    ...(configMap === undefined ? {} : { configMap: { defaultMode: 0o644, ...configMap } }),
  }
}

function qosClass(containers: readonly Container[]): string {
  const resources = containers.map((container) => applyResourceDefaults(container))
  if (resources.every(({ limits, requests }) => isEmpty(limits) && isEmpty(requests))) return 'BestEffort'
  const isGuaranteed = resources.every(({ limits = {}, requests = {} }) =>
    ['cpu', 'memory'].every((name) => isSameAmount(limits[name], requests[name])),
  )
  return isGuaranteed ? 'Guaranteed' : 'Burstable'
}

function isEmpty(amounts: Amounts | undefined): boolean {
  return amounts === undefined || Object.keys(amounts).length === 0
}

function isSameAmount(limit: string | undefined, request: string | undefined): boolean {
  return limit !== undefined && request !== undefined && parseQuantity(limit) === parseQuantity(request)
}
