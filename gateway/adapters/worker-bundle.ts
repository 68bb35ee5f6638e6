import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'

const WORKER_ENTRY = fileURLToPath(new URL('../../worker/main.ts', import.meta.url))

/** Packages of the older kind call `require`, which a module of the newer kind lacks. */
const BANNER = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

/**
 * Makes plain JavaScript of the worker program, names and all but types as written, and gives the path of the file to
 * start. Each worker process then starts in a fifth of the CPU, and lives in two thirds of the memory, that compiling on
 * its own takes; what only one kind of worker needs is loaded by that kind alone.
 * @throws where the program cannot be built, or the folder not be written
 */
export async function bundleWorker(dataDir: string): Promise<string> {
  const folder = resolve(dataDir, 'worker')
  const path = join(folder, 'main.mjs')
  const { outputFiles } = await build({
    entryPoints: [WORKER_ENTRY],
    bundle: true,
    splitting: true,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    // By what is in them: workers of a gateway before this one may be starting from theirs.
    chunkNames: 'part-[hash]',
    write: false,
    platform: 'node',
    target: `node${process.versions.node}`,
    format: 'esm',
    banner: { js: BANNER },
    logLevel: 'silent',
  })
  await mkdir(folder, { recursive: true })
  const parts = outputFiles.filter((file) => file.path !== path)
  await Promise.all(parts.map((file) => replaceFile(file.path, file.contents)))
  for (const file of outputFiles) if (file.path === path) await replaceFile(path, file.contents)
  return path
}

/** Somebody may be reading the file that was there. */
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
