import { Hono } from 'hono'
import { html } from 'hono/html'
import { openAPIRouteHandler } from 'hono-openapi'

/** Where the entry on Node serves the files of `swagger-ui-dist` that the page needs. */
export const DOCS_ASSETS = '/docs/assets'
export const DOCS_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'] as const

/** Looser than other pages' policy: Swagger UI sets inline styles and shows its icons by data URLs. */
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"

/**
 * Returns the routes `/openapi.json`, generated from the schemas that check the requests, and `/docs`, which shows it.
 * `/` and `/swagger` redirect there.
 */
export function docsRoutes(app: Hono, publicUrl: string | null): Hono {
  const documentation = { ...DOCUMENT, ...(publicUrl === null ? {} : { servers: [{ url: publicUrl }] }) }
  return new Hono()
    .get('/openapi.json', openAPIRouteHandler(app, { documentation, exclude: [/^\/internal\//] }))
    .get('/', (c) => c.redirect('docs'))
    .get('/swagger', (c) => c.redirect('docs'))
    .get('/docs/start.js', (c) => c.body(START, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }))
    .get('/docs', (c) => {
      c.header('Content-Security-Policy', CSP)
      return c.html(PAGE)
    })
}

const DOCUMENT = {
  openapi: '3.1.0',
  info: {
    title: 'Tallylight',
    version: '1',
    description:
      'Watches over live video and tells by signed webhook that it is late, black, frozen, silent, stalled or over; encodes media files.',
  },
  components: {
    securitySchemes: {
      ApiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      Bearer: { type: 'http', scheme: 'bearer' },
    },
  },
} as const

const START = `window.onload = () => SwaggerUIBundle({ url: 'openapi.json', dom_id: '#docs', deepLinking: true })\n`

const ASSETS = DOCS_ASSETS.slice(1)

/** Addresses are relative to `/docs`: a reverse proxy may put a prefix before it. */
const PAGE = html`<!doctype html>
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>Tallylight API</title>
      <link rel="icon" href="${ASSETS}/favicon-32x32.png" />
      <link rel="stylesheet" href="${ASSETS}/swagger-ui.css" />
    </head>
    <body>
      <nav aria-label="Site" style="padding: 12px 20px; text-align: right"><a href="docs/guides">Guides</a></nav>
      <main id="docs"><a href="openapi.json">openapi.json</a> describes the whole API</main>
      <script src="${ASSETS}/swagger-ui-bundle.js"></script>
      <script src="docs/start.js"></script>
    </body>
  </html>`
