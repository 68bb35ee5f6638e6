import type { V1PolicyRule } from '@kubernetes/client-node'

import { forbiddenError, unauthorizedError, type ApiError } from './errors.ts'
import type { ApiRequest } from './request.ts'

/** A rule of a Role. */
export type PolicyRule = V1PolicyRule

/** The rules of the gateway's Role, in the namespace of its Pods. */
export const GATEWAY_RULES: readonly PolicyRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['create', 'delete', 'get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] },
]

/** A token, its user, and what the user may do in which namespace. */
export type ApiAccess = {
  readonly token: string
  readonly user: string
  readonly namespace: string
  readonly rules: readonly PolicyRule[]
  /** What the user may do in all namespaces, and with objects outside of namespaces. */
  readonly clusterRules: readonly PolicyRule[]
}

const ANONYMOUS = 'system:anonymous'

/** Checks that a call is authenticated and allowed, with the API server's messages. @throws ApiError 401, 403 */
export function authorize(access: ApiAccess, request: ApiRequest, authorization: string | undefined): void {
  if (authorization !== undefined && authorization !== `Bearer ${access.token}`) throw unauthorizedError()
  const user = authorization === undefined ? ANONYMOUS : access.user
  if (request.resource === null) {
    if (isOpenPath(request.path, user)) return
    throw forbiddenError({}, `forbidden: User "${user}" cannot ${request.verb} path "${request.path}"`)
  }
  if (user === ANONYMOUS || !isAllowed(access, request)) throw denialError(user, request)
}

function isAllowed({ namespace, rules, clusterRules }: ApiAccess, request: ApiRequest): boolean {
  const applying = request.namespace === namespace ? [...rules, ...clusterRules] : clusterRules
  return applying.some((rule) => isRuleMatch(rule, request))
}

/** Returns whether a user may read a path: `system:public-info-viewer` for all, `system:discovery` if authenticated. */
function isOpenPath(path: string, user: string): boolean {
  if (/^\/(?:healthz|livez|readyz|version\/?)$/.test(path)) return true
  return user !== ANONYMOUS && /^\/(?:api|apis|openapi)(?:\/|$)/.test(path)
}

function isRuleMatch(rule: PolicyRule, { group, verb, name, subresource, resource }: ApiRequest): boolean {
  const full = subresource === null ? `${resource}` : `${resource}/${subresource}`
  return (
    includesAny(rule.verbs, [verb]) &&
    includesAny(rule.apiGroups, [group]) &&
    includesAny(rule.resources, subresource === null ? [full] : [full, `*/${subresource}`]) &&
    (rule.resourceNames === undefined ||
      rule.resourceNames.length === 0 ||
      includesAny(rule.resourceNames, [name ?? '']))
  )
}

function includesAny(list: readonly string[] | undefined, wanted: readonly string[]): boolean {
  return list !== undefined && (list.includes('*') || wanted.some((one) => list.includes(one)))
}

function denialError(user: string, { verb, group, name, namespace, resource, subresource }: ApiRequest): ApiError {
  const kind = resource ?? ''
  const qualified = group === '' ? kind : `${kind}.${group}`
  const full = subresource === null ? kind : `${kind}/${subresource}`
  const where = namespace === null ? 'at the cluster scope' : `in the namespace "${namespace}"`
  const what = name === null ? qualified : `${qualified} "${name}"`
  return forbiddenError(
    { ...(name === null ? {} : { name }), ...(group === '' ? {} : { group }), kind },
    `${what} is forbidden: User "${user}" cannot ${verb} resource "${full}" in API group "${group}" ${where}`,
  )
}
