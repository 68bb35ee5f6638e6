/** How long a worker lives: it is asked to stop and finishes what it has at hand, or drops everything at once. */
export type Lifetime = {
  /** Aborts when no new work is to be begun any more; comes with `killed` at the latest. */
  readonly stopping: AbortSignal
  /** Aborts when everything is to be dropped. */
  readonly killed: AbortSignal
  /** Begins the end: what is at hand may still be finished and told for as long as the grace lasts. */
  stop(): void
  /** Drops everything. */
  kill(): void
}

export function createLifetime(graceMs: number): Lifetime {
  const stopping = new AbortController()
  const killed = new AbortController()
  const kill = () => {
    stopping.abort()
    killed.abort()
  }
  return {
    stopping: stopping.signal,
    killed: killed.signal,
    kill,
    stop: () => {
      if (stopping.signal.aborted) return
      stopping.abort()
      setTimeout(kill, graceMs).unref()
    },
  }
}
