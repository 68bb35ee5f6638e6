/** A signal that aborts after a timeout, or together with an outer signal. */
export type CallDeadline = {
  readonly signal: AbortSignal
  /** Starts the timeout anew. */
  restart(): void
  /** Removes the timeout: from now on only the outer signal aborts. */
  disarm(): void
  /** Removes the timeout and lets go of the outer signal. */
  dispose(): void
}

/** Starts a timeout of `ms`. `AbortSignal.any` is not used: Node 20 collects a timeout that it alone refers to. */
export function startDeadline(ms: number, outer?: AbortSignal): CallDeadline {
  const controller = new AbortController()
  const startTimer = () => setTimeout(() => controller.abort(new Error(`nothing received within ${ms} ms`)), ms)
  let timer = startTimer()
  const disarm = () => clearTimeout(timer)
  const onOuterAbort = () => controller.abort(outer?.reason)
  if (outer?.aborted === true) onOuterAbort()
  else outer?.addEventListener('abort', onOuterAbort, { once: true })
  return {
    signal: controller.signal,
    restart() {
      disarm()
      timer = startTimer()
    },
    disarm,
    dispose() {
      disarm()
      outer?.removeEventListener('abort', onOuterAbort)
    },
  }
}

/** Resolves as `work` does unless the signal aborts first; `work` itself goes on. @throws the signal's reason */
export async function rejectOnAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(abortReason(signal))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Resolves after `ms`, or as soon as the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const deadline = startDeadline(ms, signal)
  if (!deadline.signal.aborted)
    await new Promise((resolve) => deadline.signal.addEventListener('abort', resolve, { once: true }))
  deadline.dispose()
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted')
}
