import { existsSync } from 'node:fs'
import { join } from 'node:path'

import type { V1Container, V1EnvVar } from '@kubernetes/client-node'

import type { StoredPod, Wire } from '../wire.ts'

/** The Secrets of the namespace: name → key → value in plain text. */
export type Secrets = ReadonlyMap<string, Readonly<Record<string, string>>>

type Env = Record<string, string>
type EnvVar = Wire<V1EnvVar>

/** An error that prevents a container from being created: `secret "tallylight" not found`. */
export class ContainerConfigError extends Error {}

/**
 * Builds the environment of a container. Pods share this machine, so a path in a volume is replaced by the folder of that
 * volume (`volumePath`), unless the path exists on the machine.
 * @throws ContainerConfigError
 */
export function buildContainerEnv(
  pod: StoredPod,
  container: Wire<V1Container>,
  secrets: Secrets,
  volumePath: (name: string) => string,
): Env {
  const env: Env = {}
  for (const one of container.env ?? []) {
    const value = resolveValue(pod, one, secrets)
    if (value !== null) env[one.name] = mapToVolume(expandReferences(value, env), container, volumePath)
  }
  return env
}

function resolveValue(pod: StoredPod, { value, valueFrom }: EnvVar, secrets: Secrets): string | null {
  if (valueFrom === undefined) return value ?? ''
  const { fieldRef, secretKeyRef } = valueFrom
  if (fieldRef !== undefined) return readField(pod, fieldRef.fieldPath)
  if (secretKeyRef === undefined) throw new ContainerConfigError('only secretKeyRef and fieldRef are supported here')
  const { name = '', key, optional } = secretKeyRef
  const secret = secrets.get(name)
  const found = secret?.[key]
  if (found !== undefined) return found
  if (optional === true) return null
  const { namespace } = pod.metadata
  throw new ContainerConfigError(
    secret === undefined ? `secret "${name}" not found` : `couldn't find key ${key} in Secret ${namespace}/${name}`,
  )
}

function readField({ metadata, spec, status }: StoredPod, path: string): string {
  const key = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path)
  if (key !== null) return metadata[key[1] === 'labels' ? 'labels' : 'annotations']?.[key[2] ?? ''] ?? ''
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'spec.nodeName': spec.nodeName,
    'spec.serviceAccountName': spec.serviceAccountName,
    'status.hostIP': status.hostIP,
    'status.podIP': status.podIP,
  }
  return fields[path] ?? ''
}

/** Expands `$(NAME)` by a variable that is set above, and `$$` to `$`. */
function expandReferences(value: string, env: Env): string {
  return value.replaceAll(/\$\$|\$\(([\w.-]+)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? whole),
  )
}

function mapToVolume(
  value: string,
  { volumeMounts = [] }: Wire<V1Container>,
  volumePath: (name: string) => string,
): string {
  const mount = volumeMounts.find(
    ({ mountPath }) => value === mountPath || (value.startsWith(`${mountPath}/`) && !existsSync(value)),
  )
  return mount === undefined ? value : join(volumePath(mount.name), value.slice(mount.mountPath.length))
}
