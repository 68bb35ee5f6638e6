import type { IncomingMessage } from 'node:http'

import { badRequest } from './api-error.ts'

export type ApiVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection'

/** What a call asks for, as the API server reads a path (`RequestInfo`). `resource` is null outside of /api and /apis. */
export type ApiRequest = {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly verb: ApiVerb
  readonly group: string
  readonly version: string
  readonly namespace: string | null
  readonly resource: string | null
  readonly name: string | null
  readonly subresource: string | null
  readonly accept: string
  readonly contentType: string
  /** The body as JSON; null where there is none. @throws ApiError 400 */
  body(): Promise<unknown>
}

export function parseRequest(request: IncomingMessage): ApiRequest {
  const url = new URL(request.url ?? '/', 'http://server')
  const method = request.method ?? 'GET'
  const place = placeOf(url.pathname)
  return {
    method,
    path: url.pathname,
    query: url.searchParams,
    ...place,
    verb: verbOf(method, place.name !== null || place.resource === null, url.searchParams),
    accept: request.headers.accept ?? '',
    contentType: (request.headers['content-type'] ?? 'application/json').split(';', 1)[0]?.trim() ?? '',
    body: () => readBody(request),
  }
}

type Place = Pick<ApiRequest, 'group' | 'version' | 'namespace' | 'resource' | 'name' | 'subresource'>

const NOWHERE: Place = { group: '', version: '', namespace: null, resource: null, name: null, subresource: null }

function placeOf(path: string): Place {
  const [root, ...rest] = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent)
  if (root === 'api') return placeInside('', rest)
  const [group, ...inGroup] = rest
  return root === 'apis' && group !== undefined ? placeInside(group, inGroup) : NOWHERE
}

function placeInside(group: string, [version, ...inside]: readonly string[]): Place {
  if (version === undefined || inside.length === 0) return NOWHERE
  const [first, second = null, ...below] = inside
  // The namespace itself counts as being inside of it.
  const namespace = first === 'namespaces' ? second : null
  const [resource = null, name = null, subresource = null] = namespace !== null && below.length > 0 ? below : inside
  return { group, version, namespace, resource, name, subresource }
}

const VERBS: Readonly<Record<string, ApiVerb>> = { POST: 'create', PUT: 'update', PATCH: 'patch' }

function verbOf(method: string, isOne: boolean, query: URLSearchParams): ApiVerb {
  if (method === 'DELETE') return isOne ? 'delete' : 'deletecollection'
  const verb = VERBS[method]
  if (verb !== undefined) return verb
  if (isOne) return 'get'
  return isTrue(query.get('watch')) ? 'watch' : 'list'
}

/** How Go reads a boolean in a query. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== '0' && value.toLowerCase() !== 'false'
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  const text = Buffer.concat(chunks).toString('utf8')
  if (text === '') return null
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${String(error)}`)
  }
}
