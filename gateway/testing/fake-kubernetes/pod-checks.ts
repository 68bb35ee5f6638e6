import type { V1Container } from '@kubernetes/client-node'

import { invalid, type Cause } from './api-error.ts'
import { unreadable } from './pod-schema.ts'
import { parseQuantity } from './quantity.ts'
import type { Pod, PodMeta, PodSpec, Wire } from './wire.ts'

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
 * What the API server would find wrong with a Pod, as far as a mistake in ours could make it so.
 * @throws ApiError 422, or 400 for an amount that is none
 */
export function checkPod(pod: Pod): void {
  const { metadata = {}, spec = { containers: [] } } = pod
  const causes = [...metaCauses(metadata), ...specCauses(spec)]
  if (causes.length > 0) throw invalid('Pod', metadata.name ?? '', causes)
}

function metaCauses({ name, generateName, labels = {}, ownerReferences = [] }: PodMeta): Cause[] {
  return [
    ...nameCauses(name, generateName),
    ...Object.values(labels).flatMap((value) => [
      ...(value.length > 63 ? [tooLong('metadata.labels', value, 63)] : []),
      ...(LABEL_VALUE.test(value) ? [] : [invalidValue('metadata.labels', value, NOT_A_LABEL_VALUE)]),
    ]),
    ...ownerReferences.flatMap((owner) =>
      (['apiVersion', 'kind', 'name', 'uid'] as const)
        .filter((field) => (owner[field] ?? '') === '')
        .map((field) =>
          invalidValue(
            `metadata.ownerReferences.${field}`,
            '',
            `${field === 'apiVersion' ? 'version' : field} must not be empty`,
          ),
        ),
    ),
  ]
}

function nameCauses(name: string | undefined, generateName: string | undefined): Cause[] {
  if ((name ?? '') === '' && (generateName ?? '') === '') {
    return [required('metadata.name', 'name or generateName is required')]
  }
  if (name === undefined) return []
  return [
    ...(name.length > 253 ? [tooLong('metadata.name', name, 253)] : []),
    ...(SUBDOMAIN.test(name) ? [] : [invalidValue('metadata.name', name, NOT_A_SUBDOMAIN)]),
  ]
}

function specCauses({ containers, restartPolicy, volumes = [] }: PodSpec): Cause[] {
  const known = volumes.map(({ name }) => name)
  return [
    ...(containers.length === 0 ? [required('spec.containers')] : []),
    ...containers.flatMap((container, index) => containerCauses(container, `spec.containers[${index}]`, known)),
    ...containers.flatMap(({ name }, index) =>
      containers.findIndex((other) => other.name === name) === index
        ? []
        : [cause('FieldValueDuplicate', `spec.containers[${index}].name`, `Duplicate value: "${name}"`)],
    ),
    ...(restartPolicy === undefined || RESTART_POLICIES.includes(restartPolicy)
      ? []
      : [unsupported('spec.restartPolicy', restartPolicy, RESTART_POLICIES)]),
  ]
}

function containerCauses(container: Container, path: string, volumes: readonly string[]): Cause[] {
  const { name, image, volumeMounts = [] } = container
  return [
    ...containerNameCauses(name, `${path}.name`),
    ...((image ?? '') === '' ? [required(`${path}.image`)] : []),
    ...volumeMounts.flatMap((mount, index) =>
      volumes.includes(mount.name)
        ? []
        : [cause('FieldValueNotFound', `${path}.volumeMounts[${index}].name`, `Not found: "${mount.name}"`)],
    ),
    ...resourceCauses(container, `${path}.resources`),
  ]
}

function containerNameCauses(name: string | undefined, path: string): Cause[] {
  if ((name ?? '') === '') return [required(path)]
  if (name === undefined || DNS_LABEL.test(name)) return []
  return [invalidValue(path, name, NOT_A_DNS_LABEL)]
}

function resourceCauses({ resources = {} }: Container, path: string): Cause[] {
  const { requests = {}, limits = {} } = resources
  return Object.entries(requests).flatMap(([name, request]) => {
    const limit = limits[name]
    const isWithin = limit === undefined || amount(request) <= amount(limit)
    const message = `must be less than or equal to ${name} limit of ${limit}`
    return isWithin ? [] : [invalidValue(`${path}.requests`, request, message)]
  })
}

function amount(text: string): number {
  const parsed = parseQuantity(text)
  if (parsed === null) {
    throw unreadable("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
  }
  return parsed
}

function cause(reason: string, field: string, message: string): Cause {
  return { reason, message, field }
}

function required(field: string, why = ''): Cause {
  return cause('FieldValueRequired', field, `Required value${why === '' ? '' : `: ${why}`}`)
}

function invalidValue(field: string, value: string, why: string): Cause {
  return cause('FieldValueInvalid', field, `Invalid value: "${value}": ${why}`)
}

function tooLong(field: string, value: string, most: number): Cause {
  return invalidValue(field, value, `must be no more than ${most} bytes`)
}

function unsupported(field: string, value: string, supported: readonly string[]): Cause {
  const list = supported.map((one) => `"${one}"`).join(', ')
  return cause('FieldValueNotSupported', field, `Unsupported value: "${value}": supported values: ${list}`)
}
