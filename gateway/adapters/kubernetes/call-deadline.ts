/** A signal that aborts when its time is over, or with another one. */
export type CallDeadline = {
  readonly signal: AbortSignal
  /** Its time begins anew. */
  putOff(): void
  /** From now on it aborts with the other one only. */
  stopClock(): void
  /** It aborts no more. */
  end(): void
}

/** AbortSignal.any is not used: under Node 20 it forgets a time-out that nothing else holds. */
export function startDeadline(ms: number, outer?: AbortSignal): CallDeadline {
  const own = new AbortController()
  const startClock = () => setTimeout(() => own.abort(new Error(`nothing came within ${ms} ms`)), ms)
  let clock = startClock()
  const stopClock = () => clearTimeout(clock)
  const leave = () => own.abort(outer?.reason)
  if (outer?.aborted === true) leave()
  else outer?.addEventListener('abort', leave, { once: true })
  return {
    signal: own.signal,
    putOff() {
      stopClock()
      clock = startClock()
    },
    stopClock,
    end() {
      stopClock()
      outer?.removeEventListener('abort', leave)
    },
  }
}

/** The result of `work`, which goes on where the signal aborts first. @throws the signal's reason */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let leave = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    leave = () => reject(reasonOf(signal))
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

/** Resolves after so long, or as soon as the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const clock = startDeadline(ms, signal)
  if (!clock.signal.aborted)
    await new Promise((resolve) => clock.signal.addEventListener('abort', resolve, { once: true }))
  clock.end()
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('given up')
}
