/** A file that pages load, minified. Its name holds a hash of its content, so that browsers keep it for good. */
export type PageAsset = {
  readonly contentType: string
  readonly body: Uint8Array<ArrayBuffer>
  readonly gzip: Uint8Array<ArrayBuffer>
}

/** The scripts, the stylesheet and the pictures of all pages. */
export type PageAssets = {
  /** The name of the stylesheet. */
  readonly stylesheet: string
  /** Returns the name of the file that was made of a source, by its path below `gateway/`. */
  nameOf(source: string): string
  /** Returns a file by its name, or `null`. */
  find(name: string): PageAsset | null
}

/** Returns the assets; they are made once. */
export type LoadPageAssets = () => Promise<PageAssets>
