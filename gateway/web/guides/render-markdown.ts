import { Marked, type RendererObject, type Tokens } from 'marked'

import { GUIDES } from './list.ts'
import { createSlugger } from './slug.ts'

/** A guide as HTML. `sections` are its headings of the second level. */
export type RenderedGuide = { readonly body: string; readonly sections: readonly Section[] }
export type Section = { readonly anchor: string; readonly title: string }

/**
 * Renders the Markdown of a guide. `path` is its file in the repository: links to other guides become links between
 * pages, links to other files of the repository become plain text. Raw HTML is dropped.
 */
export function renderMarkdown(markdown: string, path: string): RenderedGuide {
  const sections: Section[] = []
  const slugOf = createSlugger()
  const renderer: RendererObject = {
    heading({ tokens, depth, text }) {
      const title = this.parser.parseInline(tokens)
      const anchor = slugOf(text.replaceAll('`', ''))
      if (depth === 1) return `<h1>${title}</h1>\n`
      if (depth === 2) sections.push({ anchor, title })
      return `<h${depth} id="${anchor}"><a class="anchor" href="#${anchor}">${title}</a></h${depth}>\n`
    },
    link({ href, tokens }) {
      const label = this.parser.parseInline(tokens)
      const target = toPageUrl(href, path)
      return target === null ? label : `<a href="${escapeHtml(target)}">${label}</a>`
    },
    table: renderTable,
    image: ({ text }) => text,
    html: () => '',
  }
  const body = new Marked({ gfm: true }).use({ renderer }).parse(markdown, { async: false })
  return { body, sections }
}

/** The rendering of inline Markdown, as marked passes it to a renderer. */
type Inline = { readonly parser: { parseInline(tokens: Tokens.TableCell['tokens']): string } }

/** A column with a longer text than this gets room for it, in characters. */
const SHORT_TEXT = 28

/** Tables wider than the page scroll in a box of their own, also by the keyboard. */
function renderTable(this: Inline, { header, rows }: Tokens.Table): string {
  const isLong = header.map((_, column) => rows.some((cells) => (cells[column]?.text.length ?? 0) > SHORT_TEXT))
  const row = (cells: readonly Tokens.TableCell[], tag: 'td' | 'th') => {
    const written = cells.map(({ tokens }, column) => {
      const attribute = isLong[column] === true ? ' class="long"' : ''
      return `<${tag}${attribute}>${this.parser.parseInline(tokens)}</${tag}>`
    })
    return `<tr>${written.join('')}</tr>`
  }
  const head = `<thead>${row(header, 'th')}</thead>`
  const body = `<tbody>${rows.map((cells) => row(cells, 'td')).join('')}</tbody>`
  return `<div class="table" role="region" aria-label="Table" tabindex="0"><table>${head}${body}</table></div>\n`
}

/** The repository as the base of relative links; it never appears in a page. */
const REPOSITORY = 'https://repository.invalid/'

/** Returns what a link of a guide leads to on a page; `null` where pages have no such place. */
function toPageUrl(href: string, path: string): string | null {
  if (/^(?:https?:|#)/.test(href)) return href
  const { pathname, hash } = new URL(href, `${REPOSITORY}${path}`)
  const guide = GUIDES.find((one) => `/${one.path}` === pathname)
  if (guide !== undefined) return `${guide.name}${hash}`
  return pathname === '/README.md' ? '../guides' : null
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}
