import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** What a copy of the tree needs beside `gateway/`, `worker/` and `shared/`. */
const FILES = ['package.json', 'tsconfig.json', 'drizzle', 'gateway', 'shared', 'worker']

/** Unit tests of a system that need neither the database nor another process. */
const UNIT_TESTS = {
  monitors: [
    'gateway/monitors/status.test.ts',
    'gateway/monitors/settings.test.ts',
    'worker/monitors/state/**/*.test.ts',
  ],
  live: ['gateway/live/playback/playlist.test.ts', 'worker/live/state/**/*.test.ts', 'worker/live/plan/**/*.test.ts'],
  jobs: ['gateway/jobs/status.test.ts', 'gateway/jobs/output-path.test.ts', 'worker/jobs/plan/**/*.test.ts'],
}
type SystemName = keyof typeof UNIT_TESTS

const run = promisify(execFile)

describe.each([
  ['jobs', 'monitors'],
  ['monitors', 'jobs'],
  ['live', 'monitors'],
] as const)('without its two folders and two list entries of %s', (removed, other) => {
  let dir: string

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tallylight-removed-'))
    await Promise.all(FILES.map((name) => cp(name, join(dir, name), { recursive: true })))
    await symlink(resolve('node_modules'), join(dir, 'node_modules'))
    await removeSystem(dir, removed)
  })
  afterAll(() => rm(dir, { recursive: true, force: true }))

  test('the tree has no type error', async () => {
    const tsconfig = JSON.parse(await readFile(join(dir, 'tsconfig.json'), 'utf8'))
    tsconfig.include = ['gateway', 'worker', 'shared']
    tsconfig.exclude = [
      '**/*.test.ts',
      '**/*.conformance.ts',
      '**/testing/**',
      'gateway/bench',
      'gateway/demo',
      'gateway/**/browser',
    ]
    await writeFile(join(dir, 'tsconfig.json'), JSON.stringify(tsconfig))
    expect(await outputOf(dir, 'node_modules/@typescript/native/bin/tsc', ['-p', '.'])).toBe('')
  })

  test(`the unit tests of ${other} pass`, async () => {
    const config = `export default { test: { include: ${JSON.stringify(UNIT_TESTS[other])}, testTimeout: 120_000 } }`
    await writeFile(join(dir, 'vitest.config.mjs'), config)
    const output = await outputOf(dir, 'node_modules/vitest/vitest.mjs', ['run', '--reporter=json'])
    expect(JSON.parse(output)).toMatchObject({ success: true, numFailedTests: 0 })
  })
})

/** Deletes a system from a copy of the tree: its two folders and its two list entries. */
async function removeSystem(dir: string, name: SystemName): Promise<void> {
  for (const half of ['gateway', 'worker']) await rm(join(dir, half, name), { recursive: true })
  await edit(join(dir, 'gateway/systems.ts'), (text) =>
    text.replace(new RegExp(`^import .*'\\./${name}/index\\.ts'\\n`, 'm'), '').replace(listEntry(name), ''),
  )
  await edit(join(dir, 'worker/kinds.ts'), (text) => text.replace(new RegExp(`^.*'\\./${name}/.*'.*\\n`, 'gm'), ''))
}

/** Returns the pattern of a name in a list, with the comma that separates it. */
function listEntry(name: string): RegExp {
  return new RegExp(`\\b${name}, |, ${name}\\b`)
}

async function edit(path: string, change: (text: string) => string): Promise<void> {
  const text = await readFile(path, 'utf8')
  const changed = change(text)
  if (changed === text) throw new Error(`${path} has no entry to remove`)
  await writeFile(path, changed)
}

/** Runs a JavaScript program in a folder; returns what it writes on stdout, also where it fails. */
async function outputOf(cwd: string, program: string, args: readonly string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1' }
  const options = { cwd, env, maxBuffer: 2 ** 26, timeout: 110_000 }
  return run(process.execPath, [program, ...args], options).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout?: string; readonly message: string }) => error.stdout || error.message,
  )
}
