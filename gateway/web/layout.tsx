/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { html } from 'hono/html'
import type { Child } from 'hono/jsx'
import type { HtmlEscapedString } from 'hono/utils/html'

import type { PageAssets } from '../ports/page-assets.ts'
import { ASSETS, ICON } from './assets.ts'
import type { Language } from './messages.ts'

/** A piece of HTML whose values are escaped. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>

/** What a document is made of. */
export type DocumentParts = {
  readonly language: Language
  readonly title: string
  /** Leads from the page's URL to the root of the site, so that pages work behind a path prefix: `.` or `..`. */
  readonly root: string
  /** `null` on a runtime without files: the page has no style there. */
  readonly assets: PageAssets | null
  /** Sources of the page's scripts. */
  readonly scripts?: readonly string[]
  /** Allows the styles that a component of the page writes itself. */
  readonly nonce?: string | undefined
  readonly reload?: PageReload | undefined
  readonly description?: string | undefined
  readonly body: Child
}

/** Loads the page again after so many seconds, or another one at a path. */
export type PageReload = { readonly sec: number; readonly path?: string }

function refreshOf({ sec, path }: PageReload): string {
  return path === undefined ? String(sec) : `${sec}; url=${path}`
}

/** Returns the document of a page. */
export function layOut(parts: DocumentParts): Html {
  const { language, title, root, assets, scripts = [], nonce, reload, description, body } = parts
  const head = (
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="dark light" />
      {reload === undefined ? null : <meta http-equiv="refresh" content={refreshOf(reload)} />}
      {description === undefined ? null : <meta name="description" content={description} />}
      <title>{title === '' ? 'Tallylight' : `${title} · Tallylight`}</title>
      {assets === null ? null : (
        <>
          <link rel="icon" href={`${root}/${ASSETS}/${assets.nameOf(ICON)}`} type="image/svg+xml" />
          <link rel="stylesheet" href={`${root}/${ASSETS}/${assets.stylesheet}`} nonce={nonce} />
          {scripts.map((source) => (
            <script type="module" src={`${root}/${ASSETS}/${assets.nameOf(source)}`}></script>
          ))}
        </>
      )}
    </head>
  )
  return html`<!doctype html>
    <html lang="${language}" data-root="${root}">
      ${head}
      <body>
        ${body}
      </body>
    </html>`
}
