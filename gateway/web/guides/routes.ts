import { Hono, type Context as HonoContext } from 'hono'
import { etag } from 'hono/etag'

import type { ReadGuide } from '../../ports/guides.ts'
import { PAGE_CSP, STYLESHEET, type Html } from '../layout.ts'
import { STYLES } from '../styles.ts'
import { GUIDES, type Guide } from './list.ts'
import { guidePage, indexPage, missingPage } from './pages.ts'
import { renderMarkdown, type RenderedGuide } from './render-markdown.ts'

const NO_GUIDES = 'This gateway serves no guides. They are in the folder gateway/docs of the repository.'

/** Returns the pages `/docs/guides` and `/docs/guides/{name}`. `readGuide` is `null` on runtimes without files. */
export function guideRoutes(readGuide: ReadGuide | null): Hono {
  const rendered = new Map<string, RenderedGuide>()

  /** Guides do not change while a gateway runs: each is read and rendered once. */
  async function render({ name, path }: Guide): Promise<RenderedGuide | null> {
    const known = rendered.get(name)
    if (known !== undefined) return known
    const markdown = (await readGuide?.(path)) ?? null
    if (markdown === null) return null
    const guide = renderMarkdown(markdown, path)
    rendered.set(name, guide)
    return guide
  }

  return new Hono()
    .get(STYLESHEET, etag(), (c) => {
      c.header('Cache-Control', 'no-cache')
      return c.body(STYLES, 200, { 'Content-Type': 'text/css; charset=utf-8' })
    })
    .get('/docs/guides', (c) =>
      readGuide === null ? respond(c, missingPage('.', NO_GUIDES), 404) : respond(c, indexPage()),
    )
    .get('/docs/guides/:name', async (c) => {
      if (readGuide === null) return respond(c, missingPage('..', NO_GUIDES), 404)
      const guide = GUIDES.find(({ name }) => name === c.req.param('name'))
      const content = guide === undefined ? null : await render(guide)
      if (guide === undefined || content === null) return respond(c, missingPage('..', 'There is no such guide.'), 404)
      return respond(c, guidePage(guide, content))
    })
}

async function respond(c: HonoContext, page: Html, status: 200 | 404 = 200): Promise<Response> {
  c.header('Content-Security-Policy', PAGE_CSP)
  return c.html(page, status)
}
