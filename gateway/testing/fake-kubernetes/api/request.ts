import type { IncomingMessage } from 'node:http'

import { badRequestError } from './errors.ts'

export type ApiVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection'

/** A parsed call, like the API server's `RequestInfo`. `resource` is null outside of /api and /apis. */
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
  /** Reads the body as JSON; null if it is empty. @throws ApiError 400 */
  readBody(): Promise<unknown>
}

/** Parses the path, the query and the headers of a request. */
export function parseRequest(request: IncomingMessage): ApiRequest {
  const url = new URL(request.url ?? '/', 'http://server')
  const method = request.method ?? 'GET'
  const target = parsePath(url.pathname)
  return {
    method,
    path: url.pathname,
    query: url.searchParams,
    ...target,
    verb: resolveVerb(method, target.name !== null || target.resource === null, url.searchParams),
    accept: request.headers.accept ?? '',
    contentType: (request.headers['content-type'] ?? 'application/json').split(';', 1)[0]?.trim() ?? '',
    readBody: () => readBody(request),
  }
}

type ResourcePath = Pick<ApiRequest, 'group' | 'version' | 'namespace' | 'resource' | 'name' | 'subresource'>

const NO_RESOURCE: ResourcePath = {
  group: '',
  version: '',
  namespace: null,
  resource: null,
  name: null,
  subresource: null,
}

function parsePath(path: string): ResourcePath {
  const [root, ...rest] = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent)
  if (root === 'api') return parseResourcePath('', rest)
  const [group, ...inGroup] = rest
  return root === 'apis' && group !== undefined ? parseResourcePath(group, inGroup) : NO_RESOURCE
}

function parseResourcePath(group: string, [version, ...inside]: readonly string[]): ResourcePath {
  if (version === undefined || inside.length === 0) return NO_RESOURCE
  const [first, second = null, ...below] = inside
  // A namespace object counts as inside of its own namespace.
  const namespace = first === 'namespaces' ? second : null
  const [resource = null, name = null, subresource = null] = namespace !== null && below.length > 0 ? below : inside
  return { group, version, namespace, resource, name, subresource }
}

const VERBS: Readonly<Record<string, ApiVerb>> = { POST: 'create', PUT: 'update', PATCH: 'patch' }

function resolveVerb(method: string, isOne: boolean, query: URLSearchParams): ApiVerb {
  if (method === 'DELETE') return isOne ? 'delete' : 'deletecollection'
  const verb = VERBS[method]
  if (verb !== undefined) return verb
  if (isOne) return 'get'
  return isTrue(query.get('watch')) ? 'watch' : 'list'
}

/** Parses a boolean of a query as Go does. */
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
    throw badRequestError(`couldn't get version/kind; json parse error: ${String(error)}`)
  }
}
