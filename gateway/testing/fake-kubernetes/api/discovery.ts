/** The discovery documents that clients read before their first call. */

const POD_VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']

const CORE_RESOURCES = [
  {
    name: 'events',
    singularName: 'event',
    namespaced: true,
    kind: 'Event',
    verbs: ['get', 'list', 'watch'],
    shortNames: ['ev'],
  },
  {
    name: 'namespaces',
    singularName: 'namespace',
    namespaced: false,
    kind: 'Namespace',
    verbs: ['get', 'list'],
    shortNames: ['ns'],
  },
  {
    name: 'pods',
    singularName: 'pod',
    namespaced: true,
    kind: 'Pod',
    verbs: POD_VERBS,
    shortNames: ['po'],
    categories: ['all'],
  },
  {
    name: 'nodes',
    singularName: 'node',
    namespaced: false,
    kind: 'Node',
    verbs: ['get', 'list', 'patch'],
    shortNames: ['no'],
  },
  {
    name: 'pods/eviction',
    singularName: '',
    namespaced: true,
    group: 'policy',
    version: 'v1',
    kind: 'Eviction',
    verbs: ['create'],
  },
  { name: 'pods/log', singularName: '', namespaced: true, kind: 'Pod', verbs: ['get'] },
  { name: 'pods/status', singularName: '', namespaced: true, kind: 'Pod', verbs: ['get', 'patch', 'update'] },
]

const APPS_RESOURCES = [
  {
    name: 'deployments',
    singularName: 'deployment',
    namespaced: true,
    kind: 'Deployment',
    verbs: ['get', 'list'],
    shortNames: ['deploy'],
    categories: ['all'],
  },
]

const APPS_VERSION = { groupVersion: 'apps/v1', version: 'v1' }
const APPS_GROUP = { name: 'apps', versions: [APPS_VERSION], preferredVersion: APPS_VERSION }

const VERSION = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: 'v1.36.2',
  gitCommit: '0000000000000000000000000000000000000000',
  gitTreeState: 'clean',
  buildDate: '2026-06-01T00:00:00Z',
  goVersion: 'go1.26.1',
  compiler: 'gc',
  platform: 'linux/amd64',
}

const FIELD_VALIDATION = { name: 'fieldValidation', in: 'query', schema: { type: 'string', uniqueItems: true } }

/** Describes an operation in OpenAPI: kubectl reads there that the server supports field validation. */
function describeOperation(kind: string, action: string): object {
  return {
    parameters: [{ name: 'dryRun', in: 'query', schema: { type: 'string', uniqueItems: true } }, FIELD_VALIDATION],
    responses: { '200': { description: 'OK' } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: '', kind, version: 'v1' },
  }
}

const OPENAPI_CORE = {
  openapi: '3.0.0',
  info: { title: 'Kubernetes', version: 'v1.36.2' },
  paths: {
    '/api/v1/namespaces/{namespace}/pods': { post: describeOperation('Pod', 'post') },
    '/api/v1/namespaces/{namespace}/pods/{name}': {
      patch: describeOperation('Pod', 'patch'),
      put: describeOperation('Pod', 'put'),
    },
  },
  components: { schemas: {} },
}

const DOCUMENTS: Readonly<Record<string, object>> = {
  '/api': {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '127.0.0.1:6443' }],
  },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [APPS_GROUP] },
  '/apis/apps': { kind: 'APIGroup', apiVersion: 'v1', ...APPS_GROUP },
  '/api/v1': { kind: 'APIResourceList', groupVersion: 'v1', resources: CORE_RESOURCES },
  '/apis/apps/v1': { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'apps/v1', resources: APPS_RESOURCES },
  '/version': VERSION,
  '/openapi/v3': { paths: { 'api/v1': { serverRelativeURL: '/openapi/v3/api/v1?hash=0' } } },
  '/openapi/v3/api/v1': OPENAPI_CORE,
}

/** Returns the document at a path; null if there is none. */
export function findDiscoveryDocument(path: string): object | null {
  return DOCUMENTS[path.replace(/\/$/, '')] ?? null
}
