/** The used part of mpd-parser 1, which has no types. `dash-listing.ts` parses what it returns. */
declare module 'mpd-parser' {
  export function parse(manifest: string, options: { readonly manifestUri: string }): unknown
}
