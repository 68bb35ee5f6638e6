import { createByteCache } from '../../media/byte-cache.ts'

/** The newest parts that viewers have read, in memory: many viewers read each at the same moment. */
export type PartCache = {
  /** Returns a part; one that is not kept is fetched once for all that wait for it. */
  read(path: string, fetchBytes: () => Promise<ArrayBuffer | null>): Promise<ArrayBuffer | null>
}

/** Bytes of all kept parts. */
const MAX_BYTES = 64 * 1024 * 1024

/** Creates an empty cache. The oldest parts leave it first. */
export function createPartCache(): PartCache {
  const kept = createByteCache<ArrayBuffer>(MAX_BYTES, ({ byteLength }) => byteLength)
  const pending = new Map<string, Promise<ArrayBuffer | null>>()

  async function fetchOnce(path: string, fetchBytes: () => Promise<ArrayBuffer | null>): Promise<ArrayBuffer | null> {
    try {
      const part = await fetchBytes()
      if (part !== null) kept.keep(path, part)
      return part
    } finally {
      pending.delete(path)
    }
  }

  return {
    async read(path, fetchBytes) {
      const part = kept.get(path)
      if (part !== undefined) return part
      const running = pending.get(path) ?? fetchOnce(path, fetchBytes)
      pending.set(path, running)
      return running
    },
  }
}
