import type { V1Container } from '@kubernetes/client-node'

import { forbiddenPodError } from './errors.ts'
import type { Pod, PodSpec, Wire } from '../wire.ts'

type Container = Wire<V1Container>

const VOLUME_TYPES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]

/**
 * Checks a Pod by the Pod Security Standard `restricted`: https://kubernetes.io/docs/concepts/security/pod-security-standards/
 * @throws ApiError 403 with all violations
 */
export function checkRestricted(pod: Pod, name: string): void {
  const spec = pod.spec ?? { containers: [] }
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  const violations = [
    checkHostNamespaces(spec),
    checkHostPorts(containers),
    checkPrivileged(containers),
    checkPrivilegeEscalation(containers),
    checkCapabilities(containers),
    checkVolumeTypes(spec),
    checkNonRoot(spec, containers),
    checkRootUser(spec, containers),
    checkSeccomp(spec, containers),
  ].filter((violation) => violation !== null)
  if (violations.length === 0) return
  throw forbiddenPodError(name, `violates PodSecurity "restricted:latest": ${violations.join(', ')}`)
}

function checkHostNamespaces(spec: PodSpec): string | null {
  const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true)
  return used.length === 0 ? null : `host namespaces (${used.map((field) => `${field}=true`).join(', ')})`
}

function checkHostPorts(containers: readonly Container[]): string | null {
  const using = containers.filter(({ ports = [] }) => ports.some(({ hostPort = 0 }) => hostPort !== 0))
  if (using.length === 0) return null
  const ports = using.flatMap(({ ports: all = [] }) =>
    all.flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [hostPort])),
  )
  return `hostPort (${formatContainers(using)} ${using.length === 1 ? 'uses' : 'use'} hostPort${ports.length === 1 ? '' : 's'} ${ports.join(', ')})`
}

function checkPrivileged(containers: readonly Container[]): string | null {
  const using = containers.filter(({ securityContext }) => securityContext?.privileged === true)
  return using.length === 0
    ? null
    : `privileged (${formatContainers(using)} must not set securityContext.privileged=true)`
}

function checkPrivilegeEscalation(containers: readonly Container[]): string | null {
  const lacking = containers.filter(({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false)
  if (lacking.length === 0) return null
  return `allowPrivilegeEscalation != false (${formatContainers(lacking)} must set securityContext.allowPrivilegeEscalation=false)`
}

function checkCapabilities(containers: readonly Container[]): string | null {
  const keeping = containers.filter(
    ({ securityContext }) => securityContext?.capabilities?.drop?.includes('ALL') !== true,
  )
  const addedBy = containers.filter((container) => addedCapabilities(container).length > 0)
  const violations = [
    ...(keeping.length === 0
      ? []
      : [`${formatContainers(keeping)} must set securityContext.capabilities.drop=["ALL"]`]),
    ...(addedBy.length === 0
      ? []
      : [
          `${formatContainers(addedBy)} must not include ${formatNames(addedBy.flatMap(addedCapabilities))} in securityContext.capabilities.add`,
        ]),
  ]
  return violations.length === 0 ? null : `unrestricted capabilities (${violations.join('; ')})`
}

function addedCapabilities({ securityContext }: Container): readonly string[] {
  return (securityContext?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE')
}

function checkVolumeTypes({ volumes = [] }: PodSpec): string | null {
  const typeOf = (volume: object) => Object.keys(volume).find((key) => key !== 'name') ?? 'emptyDir'
  const bad = volumes.filter((volume) => !VOLUME_TYPES.includes(typeOf(volume)))
  if (bad.length === 0) return null
  const types = formatNames([...new Set(bad.map(typeOf))])
  const [volumesUse, s] = bad.length === 1 ? ['volume', ''] : ['volumes', 's']
  return `restricted volume types (${volumesUse} ${formatNames(bad.map(({ name }) => name))} use${s === '' ? 's' : ''} restricted volume type${types.includes(',') ? 's' : ''} ${types})`
}

function checkNonRoot({ securityContext }: PodSpec, containers: readonly Container[]): string | null {
  const against = containers.filter((container) => container.securityContext?.runAsNonRoot === false)
  if (against.length > 0)
    return `runAsNonRoot != true (${formatContainers(against)} must not set securityContext.runAsNonRoot=false)`
  if (securityContext?.runAsNonRoot === true) return null
  const lacking = containers.filter((container) => container.securityContext?.runAsNonRoot !== true)
  if (lacking.length === 0) return null
  return `runAsNonRoot != true (pod or ${formatContainers(lacking)} must set securityContext.runAsNonRoot=true)`
}

function checkRootUser({ securityContext }: PodSpec, containers: readonly Container[]): string | null {
  const roots = containers.filter((container) => container.securityContext?.runAsUser === 0)
  const who = [
    ...(securityContext?.runAsUser === 0 ? ['pod'] : []),
    ...(roots.length === 0 ? [] : [formatContainers(roots)]),
  ]
  return who.length === 0 ? null : `runAsUser=0 (${who.join(' and ')} must not set runAsUser=0)`
}

function checkSeccomp({ securityContext }: PodSpec, containers: readonly Container[]): string | null {
  const isGood = (type: string | undefined) => type === 'RuntimeDefault' || type === 'Localhost'
  const podIsGood = isGood(securityContext?.seccompProfile?.type)
  const lacking = containers.filter(({ securityContext: own }) => {
    const type = own?.seccompProfile?.type
    return type === undefined ? !podIsGood : !isGood(type)
  })
  if (lacking.length === 0) return null
  return `seccompProfile (pod or ${formatContainers(lacking)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")`
}

function formatContainers(containers: readonly Container[]): string {
  return `container${containers.length === 1 ? '' : 's'} ${formatNames(containers.map(({ name }) => name))}`
}

function formatNames(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ')
}
