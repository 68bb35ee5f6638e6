import type { V1PolicyRule } from '@kubernetes/client-node'

import { forbidden, unauthorized, type ApiError } from './api-error.ts'
import type { ApiRequest } from './api-request.ts'

/** A rule of a Role. */
export type PolicyRule = V1PolicyRule

/** What the gateway's Role allows, in the namespace of its Pods. */
export const GATEWAY_RULES: readonly PolicyRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['create', 'delete', 'get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] },
]

/** Whom the token belongs to, what it may do, and where. */
export type Access = {
  readonly token: string
  readonly user: string
  readonly namespace: string
  readonly rules: readonly PolicyRule[]
}

const ANONYMOUS = 'system:anonymous'

/** Lets a call through, or says why not, in the API server's words. @throws ApiError 401, 403 */
export function authorize(access: Access, request: ApiRequest, authorization: string | undefined): void {
  if (authorization !== undefined && authorization !== `Bearer ${access.token}`) throw unauthorized()
  const user = authorization === undefined ? ANONYMOUS : access.user
  if (request.resource === null) {
    if (isOpenPath(request.path, user)) return
    throw forbidden({}, `forbidden: User "${user}" cannot ${request.verb} path "${request.path}"`)
  }
  if (user === ANONYMOUS || !isAllowed(access, request)) throw refusal(user, request)
}

function isAllowed({ namespace, rules }: Access, request: ApiRequest): boolean {
  return request.namespace === namespace && rules.some((rule) => allows(rule, request))
}

/** The paths of `system:public-info-viewer` are for all, those of `system:discovery` for whoever is known. */
function isOpenPath(path: string, user: string): boolean {
  if (/^\/(?:healthz|livez|readyz|version\/?)$/.test(path)) return true
  return user !== ANONYMOUS && /^\/(?:api|apis|openapi)(?:\/|$)/.test(path)
}

function allows(rule: PolicyRule, { group, verb, name, subresource, resource }: ApiRequest): boolean {
  const full = subresource === null ? `${resource}` : `${resource}/${subresource}`
  return (
    has(rule.verbs, [verb]) &&
    has(rule.apiGroups, [group]) &&
    has(rule.resources, subresource === null ? [full] : [full, `*/${subresource}`]) &&
    (rule.resourceNames === undefined || rule.resourceNames.length === 0 || has(rule.resourceNames, [name ?? '']))
  )
}

function has(list: readonly string[] | undefined, wanted: readonly string[]): boolean {
  return list !== undefined && (list.includes('*') || wanted.some((one) => list.includes(one)))
}

function refusal(user: string, { verb, group, name, namespace, resource, subresource }: ApiRequest): ApiError {
  const kind = resource ?? ''
  const qualified = group === '' ? kind : `${kind}.${group}`
  const full = subresource === null ? kind : `${kind}/${subresource}`
  const where = namespace === null ? 'at the cluster scope' : `in the namespace "${namespace}"`
  const what = name === null ? qualified : `${qualified} "${name}"`
  return forbidden(
    { ...(name === null ? {} : { name }), ...(group === '' ? {} : { group }), kind },
    `${what} is forbidden: User "${user}" cannot ${verb} resource "${full}" in API group "${group}" ${where}`,
  )
}
