/**
 * Yields the chunks of a body until the signal aborts; leaving the loop cancels the body. It listens to the signal
 * itself because fetch stops doing so once its request is garbage-collected (undici, lib/web/fetch/request.js).
 * @throws the signal's reason, or the body's own error
 */
export async function* readBodyChunks(
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  if (body === null) return
  const reader = body.getReader()
  const cancel = () => reader.cancel().catch(() => undefined)
  const onAbort = () => void cancel()
  signal.addEventListener('abort', onAbort)
  try {
    for (;;) {
      signal.throwIfAborted()
      const chunk = await reader.read()
      if (chunk.done) break
      yield chunk.value
    }
    // A body that was cancelled by the abort looks complete.
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener('abort', onAbort)
    await cancel()
  }
}
