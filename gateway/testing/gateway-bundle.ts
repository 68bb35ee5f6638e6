import { readFile, symlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { build, type Plugin } from 'esbuild'

const ENTRY = fileURLToPath(new URL('../node.ts', import.meta.url))
/** Stands for `import.meta.url` in a bundled module. */
const OWN_URL = 'ownUrlOfModule'

/** Lets each bundled module find files beside its source, as it does there. */
const keepOwnUrls: Plugin = {
  name: 'own-urls',
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/]gateway[\\/].*\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      if (!text.includes('import.meta.url')) return undefined
      return { contents: `const ${OWN_URL} = ${JSON.stringify(pathToFileURL(path).href)};${text}`, loader: 'ts' }
    })
  },
}

/** Replaces the bundling of the worker, which takes longer than all else at a start, with the path of its result. */
function useWorker(entry: string): Plugin {
  return {
    name: 'worker',
    setup: ({ onLoad }) => {
      onLoad({ filter: /[\\/]worker-bundle\.ts$/ }, () => ({
        contents: `export const bundleWorker = async () => ${JSON.stringify(entry)}`,
      }))
    },
  }
}

/**
 * Bundles the gateway program without its packages, for a bundled worker, and returns the path of its entry file: it
 * starts with a quarter of the CPU of one that compiles itself. The folder lies outside the tree.
 * @throws Error where the program cannot be built, or the folder cannot be written
 */
export async function bundleGateway(folder: string, workerEntry: string): Promise<string> {
  const outfile = join(folder, 'gateway.mjs')
  await build({
    entryPoints: [ENTRY],
    bundle: true,
    packages: 'external',
    external: ['*.yaml'],
    platform: 'node',
    target: `node${process.versions.node}`,
    format: 'esm',
    define: { 'import.meta.url': OWN_URL },
    plugins: [useWorker(workerEntry), keepOwnUrls],
    outfile,
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'silent',
  })
  await symlink(resolve('node_modules'), join(folder, 'node_modules'))
  return outfile
}
