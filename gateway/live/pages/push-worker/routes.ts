import { Hono } from 'hono'

import type { PagesContext } from '../visit.ts'

/** The service worker of pushes. */
export const PUSH_WORKER = 'live/pages/push-worker/browser/push-worker.ts'

/**
 * Returns the address of the service worker: at the root, since it is for all pages below, and without a hash, since a browser
 * looks there for a newer one.
 */
export function pushWorkerRoutes(context: PagesContext): Hono {
  return new Hono().get('/push-worker.js', async (c) => {
    const assets = await context.loadPageAssets()
    const asset = assets.find(assets.nameOf(PUSH_WORKER))
    if (asset === null || context.settings.live.push === null) return c.notFound()
    c.header('Content-Type', asset.contentType)
    c.header('Content-Security-Policy', "default-src 'none'; connect-src 'self'")
    c.header('Cache-Control', 'no-cache')
    return c.body(asset.body)
  })
}
