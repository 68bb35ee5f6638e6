/**
 * The query of a URL as its author wrote it. URL parsing escapes apostrophes there (WHATWG URL, special-query
 * percent-encode set), which RFC 3986 allows: a server that signs the text of a URL refuses the other spelling.
 */

/** Resolves a reference like `new URL`, and returns the URL with the apostrophes that the reference has in its query. */
export function hrefOf(url: URL, reference: string): string {
  if (!reference.includes("'") || url.search === '') return url.href
  const query = queryOf(reference, url)
  return url.href.slice(0, url.href.length - url.search.length - url.hash.length) + query + url.hash
}

/** Returns the query of a URL, from its question mark on, with the apostrophes of its text; `url` is that text, parsed. */
export function queryOf(text: string, url: URL): string {
  const [, query = ''] = /^[^?#]*\?([^#]*)/.exec(text.trim()) ?? []
  const spelled = `?${query.split("'").map(escapeQuery).join("'")}`
  // Anything else that parsing changes is left to it.
  return spelled.replaceAll("'", '%27') === url.search ? spelled : url.search
}

function escapeQuery(text: string): string {
  const url = new URL('http://localhost/')
  url.search = `?${text}`
  return url.search.slice(1)
}
