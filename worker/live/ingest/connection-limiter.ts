/** Bounds the connections of one address that do not publish. */
export type ConnectionLimiter = {
  /** Takes a place; `null`: the address has none left. The returned function releases the place, once or more often. */
  admit(address: string): (() => void) | null
}

/** Creates a limiter of `perAddress` connections per address. */
export function createConnectionLimiter(perAddress: number): ConnectionLimiter {
  const counts = new Map<string, number>()
  return {
    admit: (address) => {
      const count = counts.get(address) ?? 0
      if (count >= perAddress) return null
      counts.set(address, count + 1)
      let isReleased = false
      return () => {
        if (isReleased) return
        isReleased = true
        const left = (counts.get(address) ?? 1) - 1
        if (left === 0) counts.delete(address)
        else counts.set(address, left)
      }
    },
  }
}
