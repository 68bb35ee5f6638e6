import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

import * as v from 'valibot'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** Per rule: a file that breaks it, and what that file imports. */
const VIOLATIONS: Readonly<Record<string, readonly [file: string, imported: string]>> = {
  'shared-imports-neither-half': ['shared/ids.ts', '../gateway/http/paging.ts'],
  'gateway-imports-no-worker': ['gateway/http/paging.ts', '../../worker/platform/scratch.ts'],
  'worker-imports-no-gateway': ['worker/platform/scratch.ts', '../../gateway/errors.ts'],
  'systems-are-strangers': ['gateway/monitors/pod.ts', '../jobs/pod.ts'],
  'contracts-are-private': ['worker/monitors/report.ts', '../../shared/contract/jobs.ts'],
  'kernel-knows-no-system': ['gateway/outbox/deliver.ts', '../monitors/present.ts'],
  'systems-come-from-the-list': ['gateway/app.ts', './monitors/index.ts'],
  'adapters-by-entries-only': ['gateway/monitors/create-monitor.ts', '../adapters/clock.ts'],
  'app-runs-on-any-runtime': ['gateway/monitors/routes.ts', 'node:fs'],
  'app-imports-no-node-package': ['gateway/monitors/callbacks.ts', 'undici'],
  'production-imports-no-testing': ['worker/monitors/run.ts', '../testing/media.ts'],
  'production-imports-no-dev-dependency': ['worker/monitors/probe.ts', 'vitest'],
  'queries-in-stores-only': ['gateway/monitors/get-monitor.ts', 'drizzle-orm'],
  'worker-meets-the-outside-in-platform': ['worker/monitors/source.ts', 'execa'],
  'no-cycles': ['gateway/workers/lease.ts', './lease.ts'],
  'everything-resolves': ['gateway/workers/epoch.ts', './nowhere.ts'],
}

/** Files that do what is allowed, each close to something that is not. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'gateway/node.ts': ['./adapters/clock.ts', './systems.ts', 'node:http', 'undici'],
  'gateway/systems.ts': ['./monitors/index.ts'],
  'gateway/monitors/store.ts': ['drizzle-orm'],
  'gateway/monitors/whole.test.ts': ['../../worker/testing/media.ts', '../adapters/clock.ts', 'node:fs', 'vitest'],
  'gateway/testing/demo.ts': ['../../worker/testing/media.ts'],
  'worker/platform/run-program.ts': ['execa', 'node:child_process'],
  'worker/kinds.ts': ['./monitors/index.ts'],
  'worker/monitors/index.ts': ['../../shared/contract/assignment.ts', '../../shared/contract/monitors.ts'],
}

const EMPTY = [
  'gateway/errors.ts',
  'gateway/adapters/clock.ts',
  'gateway/jobs/pod.ts',
  'gateway/monitors/index.ts',
  'gateway/monitors/present.ts',
  'shared/contract/assignment.ts',
  'shared/contract/jobs.ts',
  'shared/contract/monitors.ts',
  'worker/testing/media.ts',
]
const PACKAGES = { dependencies: ['drizzle-orm', 'execa', 'undici'], devDependencies: ['vitest'] }

const Report = v.object({
  summary: v.object({
    violations: v.array(v.object({ from: v.string(), rule: v.object({ name: v.string() }) })),
    ruleSetUsed: v.object({ forbidden: v.array(v.object({ name: v.string() })) }),
  }),
})

let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'layers-'))
  const violations = Object.values(VIOLATIONS).map(([file, imported]) => write(file, importing([imported])))
  const allowed = Object.entries(ALLOWED).map(([file, imported]) => write(file, importing(imported)))
  const empty = EMPTY.map((file) => write(file, importing([])))
  const names = [...PACKAGES.dependencies, ...PACKAGES.devDependencies]
  const installed = names.map((name) => write(`node_modules/${name}/index.js`, importing([])))
  await Promise.all([...violations, ...allowed, ...empty, ...installed, write('package.json', manifest())])
})

afterAll(() => rm(dir, { recursive: true, force: true }))

test('every layer rule is reported where it is broken, and nothing else is', async () => {
  const { violations, ruleSetUsed } = await cruise()

  expect(ruleSetUsed.forbidden.map((rule) => rule.name).toSorted()).toEqual(Object.keys(VIOLATIONS).toSorted())
  expect(violations.map(({ rule, from }) => `${rule.name}: ${from}`).toSorted()).toEqual(
    Object.entries(VIOLATIONS)
      .map(([rule, [file]]) => `${rule}: ${file}`)
      .toSorted(),
  )
})

async function write(file: string, text: string): Promise<void> {
  const path = join(dir, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

function importing(modules: readonly string[]): string {
  return [...modules.map((name) => `import '${name}'`), 'export {}'].join('\n')
}

function manifest(): string {
  const versions = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, '1.0.0']))
  const { dependencies, devDependencies } = PACKAGES
  return JSON.stringify({ dependencies: versions(dependencies), devDependencies: versions(devDependencies) })
}

/** Runs dependency-cruiser under the real rules; its exit code is the number of violations. */
function cruise(): Promise<v.InferOutput<typeof Report>['summary']> {
  const program = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const args = ['--config', resolve('.dependency-cruiser.cjs'), '--output-type', 'json', 'gateway', 'worker', 'shared']
  return new Promise((done, fail) => {
    execFile(process.execPath, [program, ...args], { cwd: dir, timeout: 30_000 }, (error, stdout) => {
      const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Report), stdout)
      if (parsed.success) done(parsed.output.summary)
      else fail(error ?? new Error(stdout))
    })
  })
}
