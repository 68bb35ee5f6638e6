import type { Context as HonoContext } from 'hono'

import type { EventStreamHost } from '../ports/event-streams.ts'

/** The open streams of one gateway. */
export type OpenStreams = {
  readonly untilClosing: EventStreamHost['untilClosing']
  /** Ends all streams, and every later one at its start. */
  close(): void
}

/** Creates the registry of open streams, so that a gateway that closes can end them. */
export function createOpenStreams(): OpenStreams {
  const ends = new Set<() => void>()
  let isClosed = false
  return {
    untilClosing(end) {
      ends.add(end)
      if (isClosed) end()
      return () => void ends.delete(end)
    },
    close() {
      isClosed = true
      for (const end of ends) end()
    },
  }
}

/** One event (WHATWG HTML §9.2); `data` is one line, as JSON is. Without `id`, a client keeps the one before. */
export type ServerSentEvent = { readonly id: number | null; readonly event: string; readonly data: string }

export type EventWriter = {
  /** Sends frames. A client that leaves too many of them unread is disconnected; it may resume. */
  write(frames: Uint8Array): void
  /** Aborts when the client has left or the stream must end. */
  readonly signal: AbortSignal
}

const encoder = new TextEncoder()
const PING = encoder.encode(': ping\n\n')
/** Makes a client reconnect after 1000 ms. */
const RETRY = encoder.encode('retry: 1000\n\n')
/** Frames that may wait for a slow client. */
const MAX_WAITING_FRAMES = 256

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store, no-transform',
  // Makes nginx pass on each event as it comes.
  'X-Accel-Buffering': 'no',
}

/** Returns an event as the bytes of its frame. */
export function encodeFrame({ id, event, data }: ServerSentEvent): Uint8Array {
  return encoder.encode(`${id === null ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`)
}

/** Returns the block that sets the number after which a client resumes; it is no event (WHATWG HTML §9.2.6). */
export function encodePosition(id: number): Uint8Array {
  return encoder.encode(`id: ${id}\n\n`)
}

/** Returns the number in `Last-Event-ID`, after which a client resumes; `null` where there is no valid one. */
export function lastEventId(c: HonoContext): number | null {
  const id = c.req.header('last-event-id') ?? ''
  return /^\d{1,9}$/.test(id) ? Number(id) : null
}

/**
 * Answers with the server-sent events that `source` writes, with pings between. The stream ends when `source` resolves,
 * has lasted for the longest time, or the gateway closes; `source` never rejects, and learns by its signal that it ended.
 */
export function streamEvents(
  c: HonoContext,
  host: EventStreamHost,
  source: (writer: EventWriter) => Promise<void>,
): Response {
  // Hono drops the body of an answer to HEAD without cancelling it.
  if (c.req.raw.method === 'HEAD') return c.body(null, 200, HEADERS)
  const ended = new AbortController()
  const end = () => ended.abort()
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const running = run(controller, ended, host, source)
        host.hold(running)
      },
      cancel: end,
    },
    new CountQueuingStrategy({ highWaterMark: MAX_WAITING_FRAMES }),
  )
  c.req.raw.signal.addEventListener('abort', end, { once: true })
  return c.body(body, 200, HEADERS)
}

async function run(
  controller: ReadableStreamDefaultController<Uint8Array>,
  ended: AbortController,
  { pingMs, longestMs, untilClosing }: EventStreamHost,
  source: (writer: EventWriter) => Promise<void>,
): Promise<void> {
  const end = () => ended.abort()
  const write = (frames: Uint8Array) => {
    if (ended.signal.aborted) return
    controller.enqueue(frames)
    if ((controller.desiredSize ?? 0) <= 0) end()
  }
  const pings = setInterval(() => write(PING), pingMs)
  const limit = setTimeout(end, longestMs)
  const unregister = untilClosing(end)
  try {
    write(RETRY)
    await source({ write, signal: ended.signal })
  } finally {
    clearInterval(pings)
    clearTimeout(limit)
    unregister()
    close(controller)
  }
}

/** Closes a stream; one whose client has left is closed already. */
function close(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close()
  } catch {
    // The client has left.
  }
}
