import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import type { Plugin } from 'esbuild'

/** The library of WebRTC. Its package finds its native part by a name that it computes, which no bundler follows. */
const LIBRARY = 'node-datachannel'
/** Packages with the native part: npm installs that of the platform only. */
const NATIVE_PACKAGES = '@node-datachannel'
const NATIVE_FILE = 'node_datachannel.node'

/**
 * Bundles the library of WebRTC as its native part alone, which is copied beside the program. Where the platform has none,
 * loading it fails, and a worker goes on without it.
 */
export const bundleWebRtc: Plugin = {
  name: 'web-rtc',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: new RegExp(`^${LIBRARY}$`) }, () => ({ path: LIBRARY, namespace: LIBRARY }))
    onLoad({ filter: /./, namespace: LIBRARY }, () => {
      const native = findNativeFile()
      const contents =
        native === null
          ? `throw new Error('${LIBRARY} is not available on this platform')`
          : `module.exports = require(${JSON.stringify(native)})`
      return { contents, loader: 'js', resolveDir: '/' }
    })
  },
}

/** Returns the path of the native part; `null` where this platform has none. */
function findNativeFile(): string | null {
  const folders = createRequire(import.meta.url).resolve.paths(LIBRARY) ?? []
  const files = folders.flatMap((folder) => {
    const packages = join(folder, NATIVE_PACKAGES)
    return existsSync(packages) ? readdirSync(packages).map((name) => join(packages, name, NATIVE_FILE)) : []
  })
  return files.find((file) => existsSync(file)) ?? null
}
