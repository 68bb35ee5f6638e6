/** A stored file, held open until it is read or closed: it stays the same one, whatever is put in its place. */
export type MediaFile = {
  readonly size: number
  /** Another one for another content. */
  readonly version: string
  /** Its bytes from `start` to `end`, that one included; closes it at their end, or when nobody wants them any more. */
  read(start: number, end: number): ReadableStream<Uint8Array>
  close(): Promise<void>
}

/** The files of the `local` store, for whoever reads them by HTTP. */
export type MediaFiles = {
  /** Opens a file by the names on the way to it; `null` where there is none, or a link stands in the way. */
  open(names: readonly string[]): Promise<MediaFile | null>
}
