/** Tells those who follow something that there is more to read. A hint and no more: what counts stands in the database. */
export type Feed = {
  /** After the commit of what there is to read. */
  ring(topic: string): void
  /** Calls `wake` at each ring of the topic in this process; gives what ends that. */
  listen(topic: string, wake: () => void): () => void
}

/** The feed of one process; on a runtime that gives each request a world of its own, of one request. */
export function createFeed(): Feed {
  const listeners = new Map<string, Set<() => void>>()
  return {
    ring(topic) {
      for (const wake of listeners.get(topic) ?? []) wake()
    },
    listen(topic, wake) {
      const wakes = listeners.get(topic) ?? new Set()
      listeners.set(topic, wakes.add(wake))
      return () => {
        wakes.delete(wake)
        if (wakes.size === 0 && listeners.get(topic) === wakes) listeners.delete(topic)
      }
    },
  }
}
