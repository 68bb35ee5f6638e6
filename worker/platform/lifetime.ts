/** The lifetime of a worker: it stops gracefully and finishes its current work, or it is killed. */
export type Lifetime = {
  /** Aborts when no new work may begin; at the latest together with `killed`. */
  readonly stopping: AbortSignal
  /** Aborts when all work must end immediately. */
  readonly killed: AbortSignal
  /** Stops gracefully: current work may be finished and reported until the grace period ends. */
  stop(): void
  /** Ends all work immediately. */
  kill(): void
}

/** Creates a lifetime in which `stop` is followed by `kill` after `graceMs`. */
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
