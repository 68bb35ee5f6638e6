import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'
import { expect, test } from 'vitest'

test('the launcher runs on every runtime: it imports no module of Node and no package but valibot', async () => {
  const at = (file: string) => fileURLToPath(new URL(file, import.meta.url))
  const { metafile } = await build({
    entryPoints: [at('launcher.ts'), at('pod-client.ts'), at('token-access.ts')],
    outdir: '/nowhere',
    bundle: true,
    write: false,
    metafile: true,
    // Importing a module of Node fails the build of this platform.
    platform: 'neutral',
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'silent',
  })
  const packages = Object.keys(metafile.inputs).flatMap((path) => /node_modules\/([^/]+)/.exec(path)?.[1] ?? [])
  expect([...new Set(packages)]).toEqual(['valibot'])
})
