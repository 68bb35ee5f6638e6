import { bodyChunks } from '../../../shared/body-chunks.ts'

/** A line longer than this is no event: a Pod has 1.5 MB at most. */
const MAX_LINE_CHARS = 8 * 1024 * 1024

/**
 * The lines of a streamed text as they come in, wherever its chunks begin and end; an unfinished last one is left out.
 * Leaving the loop, or the signal, ends the stream. @throws what the stream fails with, or the signal's reason
 */
export async function* readLines(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder()
  let begun = ''
  for await (const chunk of bodyChunks(stream, signal)) {
    const lines = (begun + decoder.decode(chunk, { stream: true })).split('\n')
    begun = lines.pop() ?? ''
    yield* lines.filter((line) => line !== '')
    if (begun.length > MAX_LINE_CHARS) throw new Error(`a line of more than ${MAX_LINE_CHARS} characters`)
  }
}
