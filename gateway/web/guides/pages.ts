import { html, raw } from 'hono/html'

import type { PageAssets } from '../../ports/page-assets.ts'
import type { Html } from '../layout.tsx'
import { frameGuide } from './frame.tsx'
import { GUIDES, type Guide } from './list.ts'
import type { RenderedGuide, Section } from './render-markdown.ts'

/** Returns the page that lists all guides. */
export function indexPage(assets: PageAssets | null): Html {
  const items = GUIDES.map(
    ({ name, title, summary }) => html`<li><a href="guides/${name}">${title}</a><span>${summary}</span></li>`,
  )
  const main = html`<h1>Guides</h1>
    <ul class="guides">
      ${items}
    </ul>`
  return frameGuide({ title: 'Guides', root: '..', assets, main })
}

/** Returns the page of one guide, with the list of all guides and of its own sections beside the text. */
export function guidePage(guide: Guide, { body, sections }: RenderedGuide, assets: PageAssets | null): Html {
  return frameGuide({
    title: guide.title,
    root: '../..',
    assets,
    main: html`<article>${raw(body)}</article>
      ${neighbours(guide)}`,
    aside: contents(guide, sections),
  })
}

/** Returns the page for a guide that does not exist here. `reason` is one sentence. */
export function missingPage(root: string, reason: string, assets: PageAssets | null): Html {
  return frameGuide({
    title: 'Not found',
    root,
    assets,
    main: html`<h1>Not found</h1>
      <p>${reason}</p>`,
  })
}

function contents(current: Guide, sections: readonly Section[]): Html {
  const items = GUIDES.map((guide) =>
    guide.name === current.name
      ? html`<li>
          <a href="${guide.name}" aria-current="page">${guide.title}</a>
          <ul>
            ${sections.map(({ anchor, title }) => html`<li><a href="#${anchor}">${raw(title)}</a></li>`)}
          </ul>
        </li>`
      : html`<li><a href="${guide.name}">${guide.title}</a></li>`,
  )
  return html`<nav class="contents" aria-label="Contents">
    <details>
      <summary>Contents</summary>
      <ul>
        ${items}
      </ul>
    </details>
  </nav>`
}

function neighbours({ name }: Guide): Html {
  const place = GUIDES.findIndex((guide) => guide.name === name)
  const [previous, next] = [GUIDES[place - 1], GUIDES[place + 1]]
  return html`<nav class="neighbours" aria-label="Neighbouring guides">
    ${previous === undefined ? html`<span></span>` : html`<a rel="prev" href="${previous.name}">${previous.title}</a>`}
    ${next === undefined ? '' : html`<a rel="next" href="${next.name}">${next.title}</a>`}
  </nav>`
}
