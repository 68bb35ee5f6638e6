/** A line longer than this is no event: a Pod has 1.5 MB at most. */
const MAX_LINE_CHARS = 8 * 1024 * 1024

/**
 * The lines of a streamed text as they come in, wherever its chunks begin and end; an unfinished last one is left out.
 * Leaving the loop ends the stream. @throws what the stream fails with
 */
export async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder()
  const reader = stream.getReader()
  let begun = ''
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const lines = (begun + decoder.decode(chunk.value, { stream: true })).split('\n')
      begun = lines.pop() ?? ''
      yield* lines.filter((line) => line !== '')
      if (begun.length > MAX_LINE_CHARS) throw new Error(`a line of more than ${MAX_LINE_CHARS} characters`)
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
