import { Hono, type Context as HonoContext } from 'hono'
import { etag } from 'hono/etag'

import { PAGE_CSP, STYLESHEET, type Html } from '../layout.ts'
import { STYLES } from '../styles.ts'
import { GUIDES } from './list.ts'
import type { LoadGuide } from './load-guide.ts'
import { guidePage, indexPage, missingPage } from './pages.ts'

const NO_GUIDES = 'This gateway serves no guides. They are in the folder gateway/docs of the repository.'

/**
 * Returns the pages `/docs/guides` and `/docs/guides/{name}`. `loadGuide` is `null` on runtimes without files: the
 * Markdown renderer comes with it, which keeps it out of their bundle.
 */
export function guideRoutes(loadGuide: LoadGuide | null): Hono {
  return new Hono()
    .get(STYLESHEET, etag(), (c) => {
      c.header('Cache-Control', 'no-cache')
      return c.body(STYLES, 200, { 'Content-Type': 'text/css; charset=utf-8' })
    })
    .get('/docs/guides', (c) =>
      loadGuide === null ? respond(c, missingPage('.', NO_GUIDES), 404) : respond(c, indexPage()),
    )
    .get('/docs/guides/:name', async (c) => {
      if (loadGuide === null) return respond(c, missingPage('..', NO_GUIDES), 404)
      const guide = GUIDES.find(({ name }) => name === c.req.param('name'))
      const content = guide === undefined ? null : await loadGuide(guide)
      if (guide === undefined || content === null) return respond(c, missingPage('..', 'There is no such guide.'), 404)
      return respond(c, guidePage(guide, content))
    })
}

async function respond(c: HonoContext, page: Html, status: 200 | 404 = 200): Promise<Response> {
  c.header('Content-Security-Policy', PAGE_CSP)
  return c.html(page, status)
}
