const callbacks = new Set<() => void>()

/** Calls back when this process exits. Returns a function that takes that back. Any number of callbacks is fine. */
export function atExit(callback: () => void): () => void {
  if (callbacks.size === 0) process.once('exit', callAll)
  callbacks.add(callback)
  return () => {
    callbacks.delete(callback)
    if (callbacks.size === 0) process.removeListener('exit', callAll)
  }
}

function callAll(): void {
  for (const callback of callbacks) callback()
}
