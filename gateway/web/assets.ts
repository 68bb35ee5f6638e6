import { Hono } from 'hono'

import type { LoadPageAssets } from '../ports/page-assets.ts'

/** Where the assets of pages are served. */
export const ASSETS = 'assets'

/** The sources of the assets that every page loads, as paths below `gateway/`. */
export const PAGE_SCRIPT = 'web/browser/page.ts'
export const ICON = 'web/icon.svg'
export const WEB_SOURCES: readonly string[] = [
  PAGE_SCRIPT,
  ICON,
  'web/styles/tokens.css',
  'web/styles/base.css',
  'web/styles/components.css',
  'web/styles/guides.css',
]

/** Returns the route of the assets. A name stands for one content, so that a browser never needs to ask again. */
export function assetRoutes(loadAssets: LoadPageAssets): Hono {
  return new Hono().get(`/${ASSETS}/:name`, async (c) => {
    const asset = (await loadAssets()).find(c.req.param('name'))
    if (asset === null) return c.notFound()
    c.header('Content-Type', asset.contentType)
    c.header('Cache-Control', 'public, max-age=31536000, immutable')
    c.header('Vary', 'Accept-Encoding')
    if (!/\bgzip\b/.test(c.req.header('accept-encoding') ?? '')) return c.body(asset.body)
    c.header('Content-Encoding', 'gzip')
    return c.body(asset.gzip)
  })
}
