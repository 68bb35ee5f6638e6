/** Returns an address of the API relative to a page: those that begin with `/` are below the root of the site. */
export function toPageUrl(root: string, url: string): string {
  return url.startsWith('/') ? `${root}${url}` : url
}
