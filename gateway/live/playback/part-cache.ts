import { createByteCache } from '../../media/byte-cache.ts'

/** The newest parts that viewers have read, in memory: many viewers read each at the same moment. */
export type PartCache = {
  /** Returns whether a part is kept. */
  has(name: string): boolean
  /** Returns a part; one that is not kept is fetched once for all that wait for it. */
  read(name: string, fetchBytes: () => Promise<ArrayBuffer | null>): Promise<ArrayBuffer | null>
}

/** Bytes of all kept parts. */
const MAX_BYTES = 64 * 1024 * 1024

/** Creates an empty cache. The oldest parts leave it first. */
export function createPartCache(): PartCache {
  const kept = createByteCache<ArrayBuffer>(MAX_BYTES, ({ byteLength }) => byteLength)
  const pending = new Map<string, Promise<ArrayBuffer | null>>()

  async function fetchOnce(name: string, fetchBytes: () => Promise<ArrayBuffer | null>): Promise<ArrayBuffer | null> {
    try {
      const part = await fetchBytes()
      if (part !== null) kept.keep(name, part)
      return part
    } finally {
      pending.delete(name)
    }
  }

  return {
    has: (name) => kept.get(name) !== undefined,
    async read(name, fetchBytes) {
      const part = kept.get(name)
      if (part !== undefined) return part
      const running = pending.get(name) ?? fetchOnce(name, fetchBytes)
      pending.set(name, running)
      return running
    },
  }
}
