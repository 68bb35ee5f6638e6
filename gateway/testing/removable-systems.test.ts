import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

import { expect, onTestFinished, test } from 'vitest'

/**
 * A system is removed by deleting its two folders and its entries in the two lists. What is left has the same text as
 * before. It is sound where it names no deleted file, and where the kernel is sound without any system: the lists have
 * the same type whatever they hold.
 */

const SYSTEMS = ['jobs', 'live', 'monitors'] as const
/** What a copy of the tree needs beside `gateway/`, `worker/` and `shared/`. */
const FILES = ['package.json', 'tsconfig.json', 'drizzle', 'gateway', 'shared', 'worker']
const LISTS = ['gateway/systems.ts', 'worker/kinds.ts']
/** Tests of the kernel, and the programs that show and measure the systems, know them. */
const TESTS = /\.(?:test|conformance)\.tsx?$|\/testing\/|^gateway\/(?:bench|demo)\//
const IMPORT = /(?:\bfrom|\bimport\(|\bimport|\bnew URL\()\s*'(\.{1,2}\/[^']+)'/g

const run = promisify(execFile)

test.each(SYSTEMS)('no file outside of the folders of %s names one in them, except the two lists', async (name) => {
  const isInside = (path: string) => isOfSystem(path, name)
  const sources = (await listSources()).filter((path) => !isInside(path))
  const ofOthers = sources.filter((path) => SYSTEMS.some((other) => isOfSystem(path, other)))
  const production = sources.filter((path) => !TESTS.test(path))
  const naming = await Promise.all(
    [...new Set([...ofOthers, ...production])].map(async (path) =>
      (await readImports(path)).some(isInside) ? path : '',
    ),
  )
  expect(naming.filter((path) => path !== '').toSorted()).toEqual(LISTS)
})

test('the tree has no type error without any system', { timeout: 480_000 }, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-removed-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const isKept = (path: string) => !SYSTEMS.some((name) => [`gateway/${name}`, `worker/${name}`].includes(path))
  await Promise.all(FILES.map((file) => cp(file, join(dir, file), { recursive: true, filter: isKept })))
  await symlink(resolve('node_modules'), join(dir, 'node_modules'))
  for (const name of SYSTEMS) await removeEntries(dir, name)
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

async function listSources(): Promise<readonly string[]> {
  const halves = ['gateway', 'worker', 'shared'].map(async (half) => {
    const names = await readdir(half, { recursive: true })
    return names.filter((name) => /\.tsx?$/.test(name)).map((name) => join(half, name))
  })
  return (await Promise.all(halves)).flat()
}

function isOfSystem(path: string, name: string): boolean {
  return path.startsWith(`gateway/${name}/`) || path.startsWith(`worker/${name}/`)
}

/** Returns the files that a source names, from the root of the tree. */
async function readImports(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8')
  return Array.from(text.matchAll(IMPORT), ([, specifier = '']) => join(dirname(path), specifier))
}

/** Deletes the entries of a system from the two lists of a copy of the tree. */
async function removeEntries(dir: string, name: string): Promise<void> {
  await edit(join(dir, 'gateway/systems.ts'), (text) =>
    text.replace(new RegExp(`^import .*'\\./${name}/index\\.ts'\\n`, 'm'), '').replace(listEntry(name), ''),
  )
  await edit(join(dir, 'worker/kinds.ts'), (text) => text.replace(new RegExp(`^.*'\\./${name}/.*'.*\\n`, 'gm'), ''))
}

/** Returns the pattern of a name in a list, with the comma that separates it. */
function listEntry(name: string): RegExp {
  return new RegExp(`\\b${name}, |, ${name}\\b|(?<=\\[)${name}(?=\\])`)
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
