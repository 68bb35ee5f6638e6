import { readBodyChunks } from '../../../shared/net/body-chunks.ts'

/** A watch event holds one Pod, which has 1.5 MB at most. */
const MAX_LINE_CHARS = 8 * 1024 * 1024

/**
 * Yields the lines of a streamed text as they arrive; empty lines and an unfinished last one are left out.
 * Leaving the loop, or aborting the signal, cancels the stream. @throws the stream's error, or the signal's reason
 */
export async function* readLines(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder()
  let unfinished = ''
  for await (const chunk of readBodyChunks(stream, signal)) {
    const lines = (unfinished + decoder.decode(chunk, { stream: true })).split('\n')
    unfinished = lines.pop() ?? ''
    yield* lines.filter((line) => line !== '')
    if (unfinished.length > MAX_LINE_CHARS) throw new Error(`a line of more than ${MAX_LINE_CHARS} characters`)
  }
}
