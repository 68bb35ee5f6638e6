import { badRequestError } from './errors.ts'
import type { StoredPod } from '../wire.ts'

export type PodFilter = (pod: StoredPod) => boolean

type Labels = Readonly<Record<string, string>>

/** Parses `labelSelector` and `fieldSelector` of a query. @throws ApiError 400 */
export function parsePodFilter(query: URLSearchParams): PodFilter {
  const labels = splitRules(query.get('labelSelector') ?? '').map(parseLabelRule)
  const fields = splitRules(query.get('fieldSelector') ?? '').map(parseFieldRule)
  if (labels.length === 0 && fields.length === 0) return () => true
  return (pod) => labels.every((rule) => rule(pod.metadata.labels ?? {})) && fields.every((rule) => rule(pod))
}

/** Splits a selector at its commas outside of parentheses. */
function splitRules(selector: string): string[] {
  return selector
    .split(/,(?![^()]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

const KEY = '([A-Za-z0-9][\\w./-]*)'
const SET_RULE = new RegExp(`^${KEY} +(in|notin) *\\(([^()]*)\\)$`)
const EQUAL_RULE = new RegExp(`^${KEY} *(==?|!=) *([\\w.-]*)$`)
const EXISTS_RULE = new RegExp(`^(! *)?${KEY}$`)

function parseLabelRule(rule: string): (labels: Labels) => boolean {
  const set = SET_RULE.exec(rule)
  if (set !== null) {
    const [, key = '', operator, list = ''] = set
    const values = list.split(',').map((value) => value.trim())
    return (labels) => values.includes(labels[key] ?? '\0') === (operator === 'in')
  }
  const equal = EQUAL_RULE.exec(rule)
  if (equal !== null) {
    const [, key = '', operator, value] = equal
    return (labels) => (labels[key] === value) === (operator !== '!=')
  }
  const exists = EXISTS_RULE.exec(rule)
  if (exists === null) throw badRequestError(`unable to parse requirement: found '${rule}', expected: a label selector`)
  const [, not, key = ''] = exists
  return (labels) => key in labels === (not === undefined)
}

const FIELDS: Readonly<Record<string, (pod: StoredPod) => string>> = {
  'metadata.name': ({ metadata }) => metadata.name,
  'metadata.namespace': ({ metadata }) => metadata.namespace,
  'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
  'spec.restartPolicy': ({ spec }) => spec.restartPolicy ?? '',
  'status.phase': ({ status }) => status.phase ?? '',
}

function parseFieldRule(rule: string): PodFilter {
  const [, name = '', operator, value] = /^([^=!]+)(==?|!=)(.*)$/.exec(rule) ?? []
  if (operator === undefined) throw badRequestError(`invalid field selector: '${rule}'; can't understand '${rule}'`)
  const field = FIELDS[name]
  if (field === undefined) throw badRequestError(`field label not supported: ${name}`)
  return (pod) => (field(pod) === value) === (operator !== '!=')
}
