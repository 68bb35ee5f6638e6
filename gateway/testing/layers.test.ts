import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

import * as v from 'valibot'
import { expect, onTestFinished, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'

/** Per rule: a file that breaks it, and the module that this file imports. */
const VIOLATIONS: Readonly<Record<string, readonly [file: string, imported: string]>> = {
  'shared-imports-neither-half': ['shared/ids.ts', '../gateway/http/paging.ts'],
  'gateway-imports-no-worker': ['gateway/http/paging.ts', '../../worker/platform/scratch.ts'],
  'worker-imports-no-gateway': ['worker/platform/scratch.ts', '../../gateway/errors.ts'],
  'systems-are-strangers': ['gateway/monitors/pod.ts', '../jobs/pod.ts'],
  'contracts-are-private': ['worker/monitors/report.ts', '../../shared/contract/jobs.ts'],
  'kernel-knows-no-system': ['gateway/scheduler/scheduler.ts', '../monitors/present.ts'],
  'systems-come-from-the-list': ['gateway/app.ts', './monitors/index.ts'],
  'adapters-by-entries-only': ['gateway/monitors/create-monitor.ts', '../adapters/postgres/connect.ts'],
  'ports-import-nothing-above': ['gateway/ports/launcher.ts', '../workers/lease.ts'],
  'app-runs-on-any-runtime': ['gateway/monitors/routes.ts', 'node:fs'],
  'app-imports-no-node-package': ['gateway/monitors/callbacks.ts', 'undici'],
  'production-imports-no-testing': ['worker/monitors/run.ts', '../../shared/testing/clips.ts'],
  'production-imports-no-dev-dependency': ['worker/monitors/analyze/analyze-segment.ts', 'vitest'],
  'queries-in-stores-only': ['gateway/monitors/get-monitor.ts', 'drizzle-orm'],
  'worker-meets-the-outside-in-platform': ['worker/media/ffmpeg.ts', 'execa'],
  'no-cycles': ['gateway/workers/epoch.ts', './epoch.ts'],
  'everything-resolves': ['gateway/outbox/deliver.ts', './nowhere.ts'],
}

/** Files with allowed imports, each close to a forbidden one. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'gateway/node.ts': ['./adapters/postgres/connect.ts', './systems.ts', 'node:http', 'undici'],
  'gateway/cli/start-gateway.ts': ['../adapters/postgres/connect.ts', 'node:path'],
  'gateway/systems.ts': ['./monitors/index.ts'],
  'gateway/ports/clock.ts': ['../../shared/trace.ts', './launcher.ts'],
  'gateway/database/prepared-query.ts': ['drizzle-orm'],
  'gateway/workers/store/assignments.ts': ['drizzle-orm', '../../../shared/contract/assignment.ts'],
  'gateway/monitors/schema.ts': ['drizzle-orm'],
  'gateway/monitors/store/monitors.ts': ['drizzle-orm', '../../workers/lease.ts'],
  'gateway/monitors/faults.test.ts': [
    '../../shared/testing/clips.ts',
    '../adapters/postgres/connect.ts',
    'node:fs',
    'vitest',
  ],
  'gateway/demo/demo.ts': ['../../shared/testing/clips.ts'],
  'gateway/bench/queue.ts': ['../jobs/pod.ts', 'vitest'],
  'worker/platform/run-program.ts': ['execa', 'node:child_process'],
  'worker/stores/s3.ts': ['undici'],
  'worker/kinds.ts': ['./monitors/index.ts'],
  'worker/monitors/index.ts': ['../../shared/contract/assignment.ts', '../../shared/contract/monitors.ts'],
}

const EMPTY = [
  'gateway/errors.ts',
  'gateway/adapters/postgres/connect.ts',
  'gateway/jobs/pod.ts',
  'gateway/monitors/index.ts',
  'gateway/monitors/present.ts',
  'gateway/workers/lease.ts',
  'shared/contract/assignment.ts',
  'shared/contract/jobs.ts',
  'shared/contract/monitors.ts',
  'shared/testing/clips.ts',
  'shared/trace.ts',
]
const PACKAGES = { dependencies: ['drizzle-orm', 'execa', 'undici'], devDependencies: ['vitest'] }

const Report = v.object({
  summary: v.object({
    violations: v.array(v.object({ from: v.string(), rule: v.object({ name: v.string() }) })),
    ruleSetUsed: v.object({ forbidden: v.array(v.object({ name: v.string() })) }),
  }),
})

/** Files with a folder cycle of type imports; no two files import each other. */
const FOLDER_CYCLE: Readonly<Record<string, string>> = {
  'gateway/jobs/queue/enqueue.ts': "import type { Store } from '../store/jobs.ts'\nexport type Queue = Store | null\n",
  'gateway/jobs/queue/position.ts': 'export type Position = number\n',
  'gateway/jobs/store/jobs.ts': "import type { Position } from '../queue/position.ts'\nexport type Store = Position\n",
}

/** Per problem that the language check reports: a text in its line, and the file with the problem. */
const LANGUAGE_PROBLEMS: Readonly<Record<string, readonly [file: string, text: string]>> = {
  'type Track is declared 2 times in gateway/': ['gateway/jobs/track.ts', 'export type Track = number\n'],
  'exported function addOne has no doc comment': [
    'shared/add-one.ts',
    'export function addOne(n: number): number {\n  return n + 1\n}\n',
  ],
  'the doc comment of half begins with "The"': [
    'worker/half.ts',
    '/** The half of a number. */\nexport function half(n: number): number {\n  return n / 2\n}\n',
  ],
  'a comment says "nobody"': ['worker/limit.ts', '/** A limit that nobody has set. */\nexport const LIMIT_SEC = 5\n'],
  'a doc comment has 4 lines; 3 is the most': [
    'shared/long.ts',
    "import './add-one.ts'\n\n/**\n * One.\n * Two.\n * Three.\n * Four.\n */\nexport const LONG = 4\n",
  ],
}

/** Files that the language check accepts: the same type name in another half, and a well documented function. */
const GOOD_LANGUAGE: Readonly<Record<string, string>> = {
  'worker/track.ts': 'export type Track = number\n',
  'shared/double.ts':
    '/** Returns twice a number. */\nexport function double(n: number): number {\n  return n * 2\n}\n',
}

test('every layer rule is reported where it is broken, and nothing else is', async () => {
  const violations = Object.entries(VIOLATIONS).map(([, [file, imported]]) => [file, importing([imported])])
  const allowed = Object.entries(ALLOWED).map(([file, imported]) => [file, importing(imported)])
  const names = [...PACKAGES.dependencies, ...PACKAGES.devDependencies]
  const dir = await writeTree({
    ...Object.fromEntries([...violations, ...allowed]),
    ...Object.fromEntries(EMPTY.map((file) => [file, importing([])])),
    ...Object.fromEntries(names.map((name) => [`node_modules/${name}/index.js`, importing([])])),
    'package.json': manifest(),
  })

  const { summary } = await cruise(dir)

  expect(summary.ruleSetUsed.forbidden.map((rule) => rule.name).toSorted()).toEqual(Object.keys(VIOLATIONS).toSorted())
  expect(summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`).toSorted()).toEqual(
    Object.entries(VIOLATIONS)
      .map(([rule, [file]]) => `${rule}: ${file}`)
      .toSorted(),
  )
})

test('a cycle of folders is reported with its imports, though no files form a cycle', async () => {
  const dir = await writeTree({ ...FOLDER_CYCLE, 'worker/kind.ts': importing([]), 'shared/ids.ts': importing([]) })
  const { code, stdout } = await run(dir, [resolve('.ci/folder-cycles.mjs')])
  expect(code).toBe(1)
  expect(stdout.split('\n').toSorted()).toEqual([
    '',
    '  gateway/jobs/queue/enqueue.ts -> gateway/jobs/store/jobs.ts',
    '  gateway/jobs/store/jobs.ts -> gateway/jobs/queue/position.ts',
    expect.stringMatching(/^gateway\/jobs: (?:queue, store|store, queue) import each other in a cycle$/),
  ])
})

test('a tree without folder cycles passes their check', async () => {
  const { 'gateway/jobs/store/jobs.ts': _cycle, ...rest } = FOLDER_CYCLE
  const files = { ...rest, 'gateway/jobs/store/jobs.ts': 'export type Store = number\n' }
  const dir = await writeTree({ ...files, 'worker/kind.ts': importing([]), 'shared/ids.ts': importing([]) })
  expect(await run(dir, [resolve('.ci/folder-cycles.mjs')])).toEqual({ code: 0, stdout: 'no folder cycles\n' })
})

test('every broken rule for names and comments is reported where it is broken, and nothing else is', async () => {
  const broken = Object.fromEntries(Object.values(LANGUAGE_PROBLEMS))
  // The second declaration of the type, in the same half.
  const again = { 'gateway/monitors/track.ts': 'export type Track = string\n' }
  const dir = await writeTree({ ...GOOD_LANGUAGE, ...broken, ...again })

  const { code, stdout } = await run(dir, [resolve('.ci/language.mjs')])

  expect(code).toBe(1)
  const lines = stdout.split('\n').slice(0, -2)
  for (const [problem, [file]] of Object.entries(LANGUAGE_PROBLEMS)) {
    expect(lines.filter((line) => line.startsWith(`${file}:`) && line.includes(problem))).toHaveLength(1)
  }
  expect(lines).toHaveLength(Object.keys(LANGUAGE_PROBLEMS).length + Object.keys(again).length)
})

test('a tree that follows the rules for names and comments passes their check', async () => {
  const dir = await writeTree(GOOD_LANGUAGE)
  const stdout = 'names and comments follow the rules\n'
  expect(await run(dir, [resolve('.ci/language.mjs')])).toEqual({ code: 0, stdout })
})

/** Writes files to a temporary folder that is removed after the test; returns the folder. */
async function writeTree(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'layers-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await Promise.all(
    Object.entries(files).map(async ([file, text]) => {
      const path = join(dir, file)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
    }),
  )
  return dir
}

function importing(modules: readonly string[]): string {
  return [...modules.map((name) => `import '${name}'`), 'export {}'].join('\n')
}

function manifest(): string {
  const versions = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, '1.0.0']))
  const { dependencies, devDependencies } = PACKAGES
  return JSON.stringify({ dependencies: versions(dependencies), devDependencies: versions(devDependencies) })
}

/** Runs dependency-cruiser with the real rules on a folder; its exit code is the number of violations. */
async function cruise(dir: string): Promise<v.InferOutput<typeof Report>> {
  const program = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const args = ['--config', resolve('.dependency-cruiser.cjs'), '--output-type', 'json', 'gateway', 'worker', 'shared']
  const { stdout } = await run(dir, [program, ...args])
  return v.parse(v.pipe(v.string(), v.parseJson(), Report), stdout)
}

/** Runs a JavaScript program in a folder; resolves with its exit code and output. */
function run(dir: string, args: readonly string[]): Promise<{ readonly code: unknown; readonly stdout: string }> {
  return new Promise((done) => {
    execFile(process.execPath, args, { cwd: dir, timeout: PATIENCE_MS }, (error, stdout) => {
      done({ code: error === null ? 0 : error.code, stdout })
    })
  })
}
