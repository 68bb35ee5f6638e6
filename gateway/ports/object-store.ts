/** A stored file, held open until it is read or closed: the content stays the same, even if the file is replaced. */
export type StoredFile = {
  readonly size: number
  /** Differs for another content. */
  readonly version: string
  /**
   * Returns the bytes from `start` to `end`, both included: a stream, which closes the file at its end or when the reader
   * cancels, or the bytes themselves where they are in memory.
   */
  read(start: number, end: number): ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer>
  close(): Promise<void>
}

/** The files of a store, for reading over HTTP. */
export type ObjectStore = {
  /** Opens a file by the names of its path; `null` where there is none, or a symbolic link is part of the path. */
  open(names: readonly string[]): Promise<StoredFile | null>
}

/** Opens the store below a folder of this machine. */
export type OpenFolder = (dir: string) => ObjectStore
