import type { V1Container } from '@kubernetes/client-node'

import { invalidError, type ErrorCause } from './errors.ts'
import { decodingError } from './decode-pod.ts'
import { parseQuantity } from './quantity.ts'
import type { Pod, PodMeta, PodSpec, Wire } from '../wire.ts'

type Container = Wire<V1Container>

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const NOT_A_SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const NOT_A_DNS_LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/
const NOT_A_LABEL_VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
const RESTART_POLICIES = ['Always', 'OnFailure', 'Never']

/**
 * Validates a Pod by the API server's rules, as far as this product could break them.
 * @throws ApiError 422, or 400 for an invalid quantity
 */
export function validatePod(pod: Pod): void {
  const { metadata = {}, spec = { containers: [] } } = pod
  const causes = [...metaCauses(metadata), ...specCauses(spec)]
  if (causes.length > 0) throw invalidError('Pod', metadata.name ?? '', causes)
}

function metaCauses({ name, generateName, labels = {}, ownerReferences = [] }: PodMeta): ErrorCause[] {
  return [
    ...nameCauses(name, generateName),
    ...Object.values(labels).flatMap((value) => [
      ...(value.length > 63 ? [tooLongCause('metadata.labels', value, 63)] : []),
      ...(LABEL_VALUE.test(value) ? [] : [invalidValueCause('metadata.labels', value, NOT_A_LABEL_VALUE)]),
    ]),
    ...ownerReferences.flatMap((owner) =>
      (['apiVersion', 'kind', 'name', 'uid'] as const)
        .filter((field) => (owner[field] ?? '') === '')
        .map((field) =>
          invalidValueCause(
            `metadata.ownerReferences.${field}`,
            '',
            `${field === 'apiVersion' ? 'version' : field} must not be empty`,
          ),
        ),
    ),
  ]
}

function nameCauses(name: string | undefined, generateName: string | undefined): ErrorCause[] {
  if ((name ?? '') === '' && (generateName ?? '') === '') {
    return [requiredCause('metadata.name', 'name or generateName is required')]
  }
  if (name === undefined) return []
  return [
    ...(name.length > 253 ? [tooLongCause('metadata.name', name, 253)] : []),
    ...(SUBDOMAIN.test(name) ? [] : [invalidValueCause('metadata.name', name, NOT_A_SUBDOMAIN)]),
  ]
}

function specCauses({ containers, restartPolicy, volumes = [] }: PodSpec): ErrorCause[] {
  const known = volumes.map(({ name }) => name)
  return [
    ...(containers.length === 0 ? [requiredCause('spec.containers')] : []),
    ...containers.flatMap((container, index) => containerCauses(container, `spec.containers[${index}]`, known)),
    ...containers.flatMap(({ name }, index) =>
      containers.findIndex((other) => other.name === name) === index
        ? []
        : [makeCause('FieldValueDuplicate', `spec.containers[${index}].name`, `Duplicate value: "${name}"`)],
    ),
    ...(restartPolicy === undefined || RESTART_POLICIES.includes(restartPolicy)
      ? []
      : [unsupportedValueCause('spec.restartPolicy', restartPolicy, RESTART_POLICIES)]),
  ]
}

function containerCauses(container: Container, path: string, volumes: readonly string[]): ErrorCause[] {
  const { name, image, volumeMounts = [] } = container
  return [
    ...containerNameCauses(name, `${path}.name`),
    ...((image ?? '') === '' ? [requiredCause(`${path}.image`)] : []),
    ...volumeMounts.flatMap((mount, index) =>
      volumes.includes(mount.name)
        ? []
        : [makeCause('FieldValueNotFound', `${path}.volumeMounts[${index}].name`, `Not found: "${mount.name}"`)],
    ),
    ...resourceCauses(container, `${path}.resources`),
  ]
}

function containerNameCauses(name: string | undefined, path: string): ErrorCause[] {
  if ((name ?? '') === '') return [requiredCause(path)]
  if (name === undefined || DNS_LABEL.test(name)) return []
  return [invalidValueCause(path, name, NOT_A_DNS_LABEL)]
}

function resourceCauses({ resources = {} }: Container, path: string): ErrorCause[] {
  const { requests = {}, limits = {} } = resources
  return Object.entries(requests).flatMap(([name, request]) => {
    const limit = limits[name]
    const isWithin = limit === undefined || requireQuantity(request) <= requireQuantity(limit)
    const message = `must be less than or equal to ${name} limit of ${limit}`
    return isWithin ? [] : [invalidValueCause(`${path}.requests`, request, message)]
  })
}

function requireQuantity(text: string): number {
  const parsed = parseQuantity(text)
  if (parsed === null) {
    throw decodingError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
  }
  return parsed
}

function makeCause(reason: string, field: string, message: string): ErrorCause {
  return { reason, message, field }
}

function requiredCause(field: string, why = ''): ErrorCause {
  return makeCause('FieldValueRequired', field, `Required value${why === '' ? '' : `: ${why}`}`)
}

function invalidValueCause(field: string, value: string, why: string): ErrorCause {
  return makeCause('FieldValueInvalid', field, `Invalid value: "${value}": ${why}`)
}

function tooLongCause(field: string, value: string, most: number): ErrorCause {
  return invalidValueCause(field, value, `must be no more than ${most} bytes`)
}

function unsupportedValueCause(field: string, value: string, supported: readonly string[]): ErrorCause {
  const list = supported.map((one) => `"${one}"`).join(', ')
  return makeCause('FieldValueNotSupported', field, `Unsupported value: "${value}": supported values: ${list}`)
}
