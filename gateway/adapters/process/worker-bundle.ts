import { randomUUID } from 'node:crypto'
import { readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'

import { withEsbuild } from '../esbuild/with-esbuild.ts'
import { bundleWebRtc } from './bundle-web-rtc.ts'

const WORKER_ENTRY = fileURLToPath(new URL('../../../worker/main.ts', import.meta.url))
/** Name of the bundled program's entry file, after that of its source. */
const ENTRY = 'main.mjs'

/** CommonJS packages call `require`, which an ES module lacks. */
const BANNER = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

/**
 * Bundles the worker program as JavaScript and returns the path of its entry file. A bundled worker starts with a fifth
 * of the CPU and runs in two thirds of the memory of one that compiles itself. Code of one kind is loaded by that kind only.
 * @throws Error where the program cannot be built, or the folder cannot be written
 */
export async function bundleWorker(dataDir: string): Promise<string> {
  const folder = resolve(dataDir, 'worker')
  const built = join(folder, `build-${randomUUID()}`)
  try {
    await withEsbuild(() => buildInto(built))
    const files = await readdir(built)
    // A starting worker may be reading a file: each is replaced atomically, and the parts before what loads them.
    const parts = files.filter((file) => file !== ENTRY)
    await Promise.all(parts.map((file) => rename(join(built, file), join(folder, file))))
    await rename(join(built, ENTRY), join(folder, ENTRY))
  } finally {
    await rm(built, { recursive: true, force: true })
  }
  return join(folder, ENTRY)
}

/** Bundles the program into a folder. esbuild writes the files: through this process, they would cost it 30 MB. */
async function buildInto(folder: string): Promise<void> {
  await build({
    entryPoints: [WORKER_ENTRY],
    bundle: true,
    splitting: true,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    // Named by content: workers of an earlier gateway may still load their own chunks.
    chunkNames: 'part-[hash]',
    assetNames: 'part-[hash]',
    loader: { '.node': 'copy' },
    plugins: [bundleWebRtc],
    platform: 'node',
    target: `node${process.versions.node}`,
    format: 'esm',
    banner: { js: BANNER },
    logLevel: 'silent',
  })
}
