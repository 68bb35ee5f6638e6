/** The part of mpd-parser 1 that is used; the package ships no types. What it gives is parsed in dash-listings.ts. */
declare module 'mpd-parser' {
  export function parse(manifest: string, options: { readonly manifestUri: string }): unknown
}
