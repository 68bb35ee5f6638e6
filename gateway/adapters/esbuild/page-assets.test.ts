import { gunzipSync } from 'node:zlib'

import { beforeAll, describe, expect, it } from 'vitest'

import { systems } from '../../systems.ts'
import { assetRoutes, PAGE_SCRIPT, WEB_SOURCES } from '../../web/assets.ts'
import { createPageAssetLoader } from './page-assets.ts'

const SOURCES = [...WEB_SOURCES, ...systems.flatMap(({ pageSources }) => pageSources ?? [])]
const loadAssets = createPageAssetLoader(SOURCES)
const app = assetRoutes(loadAssets)

describe('the assets of pages', () => {
  let names: readonly string[]
  beforeAll(async () => {
    const assets = await loadAssets()
    const others = SOURCES.filter((source) => !source.endsWith('.css'))
    names = [assets.stylesheet, ...others.map((source) => assets.nameOf(source))]
  })

  it('are named by their content, and kept by browsers for good', async () => {
    for (const name of names) {
      expect(name).toMatch(/^[\w.-]+-[A-Z0-9]{8}\.(?:js|css|svg)$/)
      const { status, headers } = await app.request(`/assets/${name}`)
      expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable'])
    }
    const again = await createPageAssetLoader(SOURCES)()
    expect(again.nameOf(PAGE_SCRIPT)).toBe(names[1])
  })

  it('are compressed for those who accept it, and the same for others', async () => {
    for (const name of names) {
      const plain = await app.request(`/assets/${name}`)
      const small = await app.request(`/assets/${name}`, { headers: { 'accept-encoding': 'br, gzip' } })
      expect([plain.headers.get('content-encoding'), small.headers.get('content-encoding')]).toEqual([null, 'gzip'])
      const unpacked = gunzipSync(Buffer.from(await small.arrayBuffer()))
      expect(unpacked.equals(Buffer.from(await plain.arrayBuffer()))).toBe(true)
    }
  })

  it('are all that is served: no source, and no file of the gateway', async () => {
    for (const name of ['page.ts', 'page.js', '..%2Fapp.ts', '__proto__']) {
      expect([name, (await app.request(`/assets/${name}`)).status]).toEqual([name, 404])
    }
  })
})
