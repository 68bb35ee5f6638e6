import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'

/** A piece of HTML whose values are escaped. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>

/** Where the stylesheet of all pages is served. */
export const STYLESHEET = '/docs/pages.css'

/** Pages load their stylesheet from the gateway, and nothing else: no script, no image, no frame. */
export const PAGE_CSP =
  "default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

/** What a page is made of. `root` leads from its URL to `/docs/`, so that it works behind a path prefix: `.` or `..`. */
export type PageParts = { readonly title: string; readonly root: string; readonly main: Html; readonly aside?: Html }

/** Returns the document of a page. */
export function layOut({ title, root, main, aside }: PageParts): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Tallylight</title>
        <link rel="stylesheet" href="${root}/pages.css" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the text</a>
        <header class="bar">
          <a class="brand" href="${root}/guides">Tallylight</a>
          <nav aria-label="Site">
            <a href="${root}/guides">Guides</a>
            <a href="${root}/../docs">API</a>
          </nav>
        </header>
        <div class="frame">
          ${aside ?? ''}
          <main id="main">${main}</main>
        </div>
      </body>
    </html>`
}
