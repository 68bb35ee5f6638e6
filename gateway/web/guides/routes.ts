import { Hono, type Context as HonoContext } from 'hono'

import type { LoadPageAssets, PageAssets } from '../../ports/page-assets.ts'
import type { Html } from '../layout.tsx'
import { pagePolicy } from '../page-policy.ts'
import { GUIDES } from './list.ts'
import type { LoadGuide } from './load-guide.ts'
import { guidePage, indexPage, missingPage } from './pages.ts'

const NO_GUIDES = 'This gateway serves no guides. They are in the folder gateway/docs of the repository.'
const INDEX_ROOT = '..'
const GUIDE_ROOT = '../..'

/**
 * Returns the pages `/docs/guides` and `/docs/guides/{name}`. Both loaders are `null` on runtimes without files: the
 * Markdown renderer comes with the guides, which keeps it out of their bundle.
 */
export function guideRoutes(loadGuide: LoadGuide | null, loadAssets: LoadPageAssets | null): Hono {
  const assetsOf = async (): Promise<PageAssets | null> => (loadAssets === null ? null : loadAssets())
  return new Hono()
    .get('/docs/guides', async (c) => {
      const assets = await assetsOf()
      if (loadGuide === null) return respond(c, missingPage(INDEX_ROOT, NO_GUIDES, assets), 404)
      return respond(c, indexPage(assets))
    })
    .get('/docs/guides/:name', async (c) => {
      const assets = await assetsOf()
      if (loadGuide === null) return respond(c, missingPage(GUIDE_ROOT, NO_GUIDES, assets), 404)
      const guide = GUIDES.find(({ name }) => name === c.req.param('name'))
      const content = guide === undefined ? null : await loadGuide(guide)
      if (guide === undefined || content === null)
        return respond(c, missingPage(GUIDE_ROOT, 'There is no such guide.', assets), 404)
      return respond(c, guidePage(guide, content, assets))
    })
}

async function respond(c: HonoContext, page: Html, status: 200 | 404 = 200): Promise<Response> {
  c.header('Content-Security-Policy', pagePolicy({}))
  return c.html(page, status)
}
