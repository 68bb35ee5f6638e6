import type { Duplex } from 'node:stream'

import type { RtmpMessage } from '../ingest/rtmp/rtmp-message.ts'

/** Bounds of what waits for a platform that takes media more slowly than it comes. */
export type SendLimits = {
  readonly bytes: number
  /** Time from the oldest waiting message to the newest one, in ms. */
  readonly spanMs: number
  /** Bytes in the connection's own buffer, above which messages wait. */
  readonly unsentBytes: number
}

/** Messages between the feed and a connection. */
export type SendQueue = {
  /** Appends messages, and sends what the connection takes. Returns false where more waits than is allowed. */
  add(messages: readonly RtmpMessage[]): boolean
  /** Discards what waits. */
  close(): void
}

export type SendQueueOptions = {
  readonly stream: Duplex
  readonly limits: SendLimits
  readonly encode: (message: RtmpMessage) => Buffer
  /** Called with the size of what was passed to the connection. */
  readonly onSent: (bytes: number) => void
}

/** Creates an empty queue. Waiting messages share their memory with other targets' queues. */
export function createSendQueue({ stream, limits, encode, onSent }: SendQueueOptions): SendQueue {
  let waiting: RtmpMessage[] = []
  let bytes = 0

  function send(): void {
    let sent = 0
    while (sent < waiting.length && stream.writableLength < limits.unsentBytes && stream.writable) {
      const message = waiting[sent++]
      if (message === undefined) break
      bytes -= message.body.length
      const chunks = encode(message)
      stream.write(chunks)
      onSent(chunks.length)
    }
    if (sent > 0) waiting = waiting.slice(sent)
  }

  stream.on('drain', send)
  return {
    add: (messages) => {
      waiting.push(...messages)
      for (const { body } of messages) bytes += body.length
      send()
      const spanMs = (waiting.at(-1)?.timestamp ?? 0) - (waiting[0]?.timestamp ?? 0)
      return bytes <= limits.bytes && spanMs <= limits.spanMs
    },
    close: () => {
      stream.off('drain', send)
      waiting = []
      bytes = 0
    },
  }
}
