import type { ObjectStore, StoredFile } from '../ports/object-store.ts'
import { createByteCache } from './byte-cache.ts'

/** Bytes of all kept files. */
const MAX_BYTES = 128 * 1024 * 1024
/** The largest file that is kept: a segment of some seconds. */
const MAX_FILE_BYTES = 8 * 1024 * 1024

/** How long a file is kept, in ms: one that was removed from the store is gone after that. */
const KEEP_MS = 300_000

type KeptFile = { readonly version: string; readonly bytes: Uint8Array<ArrayBuffer>; readonly readAtMs: number }

/**
 * Returns a store that keeps the files that were read last in memory: many viewers read each at the same moment. It is for
 * files that never change, since a kept one is not read again for five minutes.
 */
export function withMemoryCache(store: ObjectStore): ObjectStore {
  const kept = createByteCache<KeptFile>(MAX_BYTES, ({ bytes }) => bytes.length)
  return {
    async open(names) {
      const path = names.join('/')
      const known = kept.get(path)
      if (known !== undefined && Date.now() - known.readAtMs < KEEP_MS) return toStoredFile(known)
      const file = await store.open(names)
      if (file === null || file.size > MAX_FILE_BYTES || file.size === 0) return file
      const read = { version: file.version, bytes: await readAll(file), readAtMs: Date.now() }
      kept.keep(path, read)
      return toStoredFile(read)
    },
  }
}

function toStoredFile({ version, bytes }: KeptFile): StoredFile {
  return {
    size: bytes.length,
    version,
    read: (start, end) => bytes.subarray(start, end + 1),
    close: async () => undefined,
  }
}

async function readAll(file: StoredFile): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(file.read(0, file.size - 1)).arrayBuffer())
}
