/**
 * The chunks of a body as they come, until the signal aborts; leaving the loop ends the body. fetch follows its signal
 * weakly: once its request is garbage-collected, an abort reaches a body that is still read no more (undici,
 * lib/web/fetch/request.js), so that a server could drip for ever.
 * @throws the signal's reason, or what the body fails with
 */
export async function* bodyChunks(
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  if (body === null) return
  const reader = body.getReader()
  const cancel = () => reader.cancel().catch(() => undefined)
  const end = () => void cancel()
  signal.addEventListener('abort', end)
  try {
    for (;;) {
      signal.throwIfAborted()
      const chunk = await reader.read()
      if (chunk.done) break
      yield chunk.value
    }
    // A body that was ended by the abort looks whole.
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener('abort', end)
    await cancel()
  }
}
