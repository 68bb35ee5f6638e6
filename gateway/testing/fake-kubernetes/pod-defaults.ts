import { randomInt, randomUUID } from 'node:crypto'

import type { V1Container, V1Probe, V1Volume } from '@kubernetes/client-node'

import type { NewPod } from './cluster.ts'
import { parseQuantity } from './quantity.ts'
import { kubernetesTime, type Amounts, type Pod, type PodSpec, type Wire } from './wire.ts'

type Container = Wire<V1Container>
type Probe = Wire<V1Probe>
type Volume = Wire<V1Volume>

/** Without the vowels and digits that make words. */
const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'

const TOLERATIONS = ['not-ready', 'unreachable'].map((state) => ({
  key: `node.kubernetes.io/${state}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
}))

/** What the API server makes of a Pod at its creation: identity, defaults, `Pending`. */
export function newPod(pod: Pod, namespace: string): NewPod {
  const { metadata = {} } = pod
  const spec = withDefaults(pod.spec ?? { containers: [] })
  return {
    metadata: {
      ...metadata,
      name: metadata.name ?? `${metadata.generateName ?? ''}${randomSuffix()}`,
      namespace,
      uid: randomUUID(),
      generation: 1,
      creationTimestamp: kubernetesTime(),
    },
    spec,
    status: { phase: 'Pending', qosClass: qosClass(spec.containers) },
  }
}

function randomSuffix(): string {
  return Array.from({ length: 5 }, () => SUFFIX_LETTERS.charAt(randomInt(SUFFIX_LETTERS.length))).join('')
}

function withDefaults(spec: PodSpec): PodSpec {
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
    ...(spec.volumes === undefined ? {} : { volumes: spec.volumes.map(volumeDefaults) }),
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(containerDefaults) }),
    containers: spec.containers.map(containerDefaults),
    tolerations: [...(spec.tolerations ?? []), ...TOLERATIONS.filter((one) => !isTolerated(spec, one.key))],
  }
}

function isTolerated(spec: PodSpec, key: string): boolean {
  return (spec.tolerations ?? []).some((one) => one.key === key || one.key === undefined)
}

function containerDefaults(container: Container): Container {
  const { ports, env, livenessProbe, readinessProbe, startupProbe } = container
  return {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: /:(?!latest$)[^/]+$|@/.test(container.image ?? '') ? 'IfNotPresent' : 'Always',
    ...container,
    resources: resourceDefaults(container),
    ...(ports === undefined ? {} : { ports: ports.map((port) => ({ protocol: 'TCP', ...port })) }),
    ...(env === undefined ? {} : { env: env.map(envDefaults) }),
    ...(livenessProbe === undefined ? {} : { livenessProbe: probeDefaults(livenessProbe) }),
    ...(readinessProbe === undefined ? {} : { readinessProbe: probeDefaults(readinessProbe) }),
    ...(startupProbe === undefined ? {} : { startupProbe: probeDefaults(startupProbe) }),
  }
}

/** What is limited is requested. */
function resourceDefaults({ resources = {} }: Container): Container['resources'] & object {
  if (resources.limits === undefined) return resources
  return { ...resources, requests: { ...resources.limits, ...resources.requests } }
}

function envDefaults(env: Wire<NonNullable<V1Container['env']>[number]>): typeof env {
  const { valueFrom } = env
  if (valueFrom?.fieldRef === undefined) return env
  return { ...env, valueFrom: { ...valueFrom, fieldRef: { apiVersion: 'v1', ...valueFrom.fieldRef } } }
}

function probeDefaults(probe: Probe): Probe {
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

function volumeDefaults(volume: Volume): Volume {
  const { secret, configMap } = volume
  return {
    ...volume,
    ...(secret === undefined ? {} : { secret: { defaultMode: 0o644, ...secret } }),
    ...(configMap === undefined ? {} : { configMap: { defaultMode: 0o644, ...configMap } }),
  }
}

function qosClass(containers: readonly Container[]): string {
  const resources = containers.map((container) => resourceDefaults(container))
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
