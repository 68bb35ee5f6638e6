import type { ReadGuide } from '../../ports/guides.ts'
import type { Guide } from './list.ts'
import { renderMarkdown, type RenderedGuide } from './render-markdown.ts'

/** Returns a guide as HTML; `null` where this installation has no such file. */
export type LoadGuide = (guide: Guide) => Promise<RenderedGuide | null>

/** Returns a function that reads and renders guides, each of them once: they do not change while a gateway runs. */
export function createGuideLoader(readGuide: ReadGuide): LoadGuide {
  const rendered = new Map<string, RenderedGuide>()
  return async ({ name, path }) => {
    const known = rendered.get(name)
    if (known !== undefined) return known
    const markdown = await readGuide(path)
    if (markdown === null) return null
    const guide = renderMarkdown(markdown, path)
    rendered.set(name, guide)
    return guide
  }
}
