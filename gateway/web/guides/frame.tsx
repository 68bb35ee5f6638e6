/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { PageAssets } from '../../ports/page-assets.ts'
import { Lamp } from '../components/icons.tsx'
import { layOut, type Html } from '../layout.tsx'

/** What a page of the documentation is made of. `root` leads from its URL to the root of the site. */
export type GuideFrameParts = {
  readonly title: string
  readonly root: string
  readonly assets: PageAssets | null
  readonly main: Html
  readonly aside?: Html
}

/** Returns the document of a page of the documentation. */
export function frameGuide({ title, root, assets, main, aside }: GuideFrameParts): Html {
  const body = (
    <>
      <a class="skip" href="#main">
        Skip to the text
      </a>
      <header class="bar">
        <a class="brand" href={`${root}/docs/guides`}>
          <Lamp />
          Tallylight
        </a>
        <nav aria-label="Site">
          <a href={`${root}/docs/guides`}>Guides</a>
          <a href={`${root}/docs`}>API</a>
        </nav>
      </header>
      <div class="frame">
        {aside ?? null}
        <main id="main">{main}</main>
      </div>
    </>
  )
  return layOut({ language: 'en', title, root, assets, body })
}
