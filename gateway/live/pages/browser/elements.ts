/** Returns the first element of a selector. @throws Error where the page has none: script and page belong together */
export function find(within: ParentNode, selector: string): HTMLElement {
  const found = within.querySelector<HTMLElement>(selector)
  if (found === null) throw new Error(`the page has no ${selector}`)
  return found
}

/** Returns the first button of a selector. @throws Error where the page has none */
export function findButton(within: ParentNode, selector: string): HTMLButtonElement {
  const found = find(within, selector)
  if (found instanceof HTMLButtonElement) return found
  throw new Error(`${selector} is no button`)
}

/** Sets the text of an element, if the page has it, and only where it changes: readers hear each change. */
export function setText(within: ParentNode, selector: string, text: string): void {
  const found = within.querySelector(selector)
  if (found !== null && found.textContent !== text) found.textContent = text
}

/** Shows or hides an element, if the page has it. */
export function setHidden(within: ParentNode, selector: string, isHidden: boolean): void {
  const found = within.querySelector<HTMLElement>(selector)
  if (found !== null) found.hidden = isHidden
}

/** Returns the texts of a catalogue in the language of the page. */
export function textsOf<Texts>(catalogue: { readonly en: Texts; readonly ja: Texts }): Texts {
  return document.documentElement.lang === 'ja' ? catalogue.ja : catalogue.en
}

/** The name of the event of the document after which no connection of the page is taken to be open: nothing comes any more. */
export const SILENCE = 'silence'

/** The query by which the gateway knows a viewer, or a page that only watches over a broadcast. */
export type ViewerQuery = readonly [name: 'viewer' | 'monitor', value: string]

/** Returns an address of the gateway, given its path below the root of the site. */
export function siteUrl(path: string): string {
  return new URL(`${document.documentElement.dataset['root'] ?? '.'}/${path}`, document.baseURI).href
}

/** Time limit of an answer, in ms: a lost connection is not closed, and would hold its request for minutes. */
const ANSWER_MS = 8000

/** Requests a path below the root of the site. @throws Error where no whole answer comes within the time limit */
export function fetchSite(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(siteUrl(path), { signal: AbortSignal.timeout(ANSWER_MS), ...init })
}

/** Returns what a text of JSON says; `null` where it is none. */
export function readJson(text: unknown): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return null
  }
}
