/** One block of a stream; missing fields are empty. */
export type ServerSentEvent = {
  readonly id: string
  readonly event: string
  readonly data: string
  /** The whole block, including comments. */
  readonly text: string
}

/** Yields the blocks of a stream of server-sent events until its end (WHATWG HTML §9.2.6). */
export async function* readServerSentEvents(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of body) {
    const blocks = (rest + decoder.decode(piece, { stream: true })).split(/\r?\n\r?\n/)
    rest = blocks.pop() ?? ''
    for (const text of blocks) {
      yield { id: fieldOf(text, 'id'), event: fieldOf(text, 'event'), data: fieldOf(text, 'data'), text }
    }
  }
}

function fieldOf(block: string, name: string): string {
  const lines = block.split(/\r?\n/).filter((line) => line.startsWith(`${name}:`))
  return lines.map((line) => line.slice(name.length + 1).replace(/^ /, '')).join('\n')
}
