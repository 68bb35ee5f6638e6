/** The newest parts that viewers have read, in memory: many viewers read each at the same moment. */
export type PartCache = {
  /** Returns a part; one that is not kept is fetched once for all that wait for it. */
  read(path: string, fetchBytes: () => Promise<ArrayBuffer | null>): Promise<ArrayBuffer | null>
}

/** Bytes of all kept parts. */
const MAX_BYTES = 64 * 1024 * 1024

/** Creates an empty cache. The oldest parts leave it first. */
export function createPartCache(): PartCache {
  const kept = new Map<string, ArrayBuffer>()
  const pending = new Map<string, Promise<ArrayBuffer | null>>()
  let bytes = 0

  function keep(path: string, part: ArrayBuffer): void {
    kept.set(path, part)
    bytes += part.byteLength
    for (const [oldest, { byteLength }] of kept) {
      if (bytes <= MAX_BYTES) return
      kept.delete(oldest)
      bytes -= byteLength
    }
  }

  async function fetchOnce(path: string, fetchBytes: () => Promise<ArrayBuffer | null>): Promise<ArrayBuffer | null> {
    try {
      const part = await fetchBytes()
      if (part !== null) keep(path, part)
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
      if (!kept.has(path)) pending.set(path, running)
      return running
    },
  }
}
