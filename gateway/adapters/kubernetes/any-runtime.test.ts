import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'
import { expect, test } from 'vitest'

test('the launcher brings nothing along that only Node has', async () => {
  const at = (file: string) => fileURLToPath(new URL(file, import.meta.url))
  const { metafile } = await build({
    entryPoints: [at('launcher.ts'), at('client.ts'), at('settings-credentials.ts')],
    outdir: '/nowhere',
    bundle: true,
    write: false,
    metafile: true,
    // Knows no module of Node's: importing one fails the build.
    platform: 'neutral',
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'silent',
  })
  const packages = Object.keys(metafile.inputs).flatMap((path) => /node_modules\/([^/]+)/.exec(path)?.[1] ?? [])
  expect([...new Set(packages)]).toEqual(['valibot'])
})
