/** Values in memory, of which the oldest leave first. */
export type ByteCache<Value> = {
  get(key: string): Value | undefined
  /** Keeps a value; another one of the same key is replaced. */
  keep(key: string, value: Value): void
}

/** Creates an empty cache of at most `maxBytes`; `sizeOf` returns the bytes of a value. */
export function createByteCache<Value>(maxBytes: number, sizeOf: (value: Value) => number): ByteCache<Value> {
  const kept = new Map<string, Value>()
  let bytes = 0

  function drop(key: string): void {
    const value = kept.get(key)
    if (value === undefined) return
    kept.delete(key)
    bytes -= sizeOf(value)
  }

  return {
    get: (key) => kept.get(key),
    keep(key, value) {
      drop(key)
      kept.set(key, value)
      bytes += sizeOf(value)
      for (const oldest of kept.keys()) {
        if (bytes <= maxBytes) return
        drop(oldest)
      }
    },
  }
}
