import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'

import { withEsbuild } from '../esbuild/with-esbuild.ts'
import { bundleWebRtc } from './bundle-web-rtc.ts'

const WORKER_ENTRY = fileURLToPath(new URL('../../../worker/main.ts', import.meta.url))

/** CommonJS packages call `require`, which an ES module lacks. */
const BANNER = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

/**
 * Bundles the worker program as JavaScript and returns the path of its entry file. A bundled worker starts with a fifth
 * of the CPU and runs in two thirds of the memory of one that compiles itself. Code of one kind is loaded by that kind only.
 * @throws Error where the program cannot be built, or the folder cannot be written
 */
export async function bundleWorker(dataDir: string): Promise<string> {
  const folder = resolve(dataDir, 'worker')
  const path = join(folder, 'main.mjs')
  const { outputFiles } = await withEsbuild(() =>
    build({
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
      write: false,
      platform: 'node',
      target: `node${process.versions.node}`,
      format: 'esm',
      banner: { js: BANNER },
      logLevel: 'silent',
    }),
  )
  await mkdir(folder, { recursive: true })
  const parts = outputFiles.filter((file) => file.path !== path)
  await Promise.all(parts.map((file) => replaceFile(file.path, file.contents)))
  for (const file of outputFiles) if (file.path === path) await replaceFile(path, file.contents)
  return path
}

/** Replaces a file atomically, because a starting worker may be reading it. */
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
