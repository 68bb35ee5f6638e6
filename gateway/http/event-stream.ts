import type { Context as HonoContext } from 'hono'

/** How answers that go on are kept on a runtime. */
export type StreamHost = {
  /** A sign of life is sent so often, in ms: it keeps proxies from hanging up, and finds readers that have left. */
  readonly pingMs: number
  /** A stream ends after this, in ms: its reader comes back, maybe to another gateway. */
  readonly longestMs: number
  /** Ends when the gateway goes. Gives what takes that back. */
  readonly untilClosing: (end: () => void) => () => void
  /** What the stream stands on must be there until then. */
  readonly hold: (until: Promise<void>) => void
}

/** The streams of one gateway. */
export type OpenStreams = {
  readonly untilClosing: StreamHost['untilClosing']
  /** Ends them all, and every later one at its beginning. */
  close(): void
}

export function createOpenStreams(): OpenStreams {
  const ends = new Set<() => void>()
  let closed = false
  return {
    untilClosing(end) {
      ends.add(end)
      if (closed) end()
      return () => void ends.delete(end)
    },
    close() {
      closed = true
      for (const end of ends) end()
    },
  }
}

/** One event (WHATWG HTML §9.2): `data` is one line, as JSON is. */
export type ServerEvent = { readonly id: number; readonly event: string; readonly data: string }

export type EventWriter = {
  /** Sends frames. A reader who lets too many of them wait is left; it may resume. */
  write(frames: Uint8Array): void
  /** Aborted when nobody reads any more, or nobody should. */
  readonly signal: AbortSignal
}

const encoder = new TextEncoder()
const PING = encoder.encode(': ping\n\n')
/** How long a reader waits before it comes back, in ms. */
const RETRY = encoder.encode('retry: 1000\n\n')
/** Frames that may wait for a slow reader. */
const MOST_WAITING = 256

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store, no-transform',
  // Has nginx pass on each event as it comes.
  'X-Accel-Buffering': 'no',
}

export function frameOf({ id, event, data }: ServerEvent): Uint8Array {
  return encoder.encode(`id: ${id}\nevent: ${event}\ndata: ${data}\n\n`)
}

/** The number in `Last-Event-ID`, after which a reader resumes; `null` where there is none of ours. */
export function lastEventId(c: HonoContext): number | null {
  const id = c.req.header('last-event-id') ?? ''
  return /^\d{1,9}$/.test(id) ? Number(id) : null
}

/**
 * Answers with server-sent events: those that `source` writes until it is done, with pings between. The stream ends
 * early, cleanly, when it has lasted for long enough or the gateway goes; and `source`, which never rejects, is told when
 * its reader has left.
 */
export function eventStream(
  c: HonoContext,
  host: StreamHost,
  source: (writer: EventWriter) => Promise<void>,
): Response {
  // Hono throws the body of an answer to HEAD away, unread and without a word.
  if (c.req.raw.method === 'HEAD') return c.body(null, 200, HEADERS)
  const left = new AbortController()
  const leave = () => left.abort()
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const running = run(controller, left, host, source)
        host.hold(running)
      },
      cancel: leave,
    },
    new CountQueuingStrategy({ highWaterMark: MOST_WAITING }),
  )
  c.req.raw.signal.addEventListener('abort', leave, { once: true })
  return c.body(body, 200, HEADERS)
}

async function run(
  controller: ReadableStreamDefaultController<Uint8Array>,
  left: AbortController,
  { pingMs, longestMs, untilClosing }: StreamHost,
  source: (writer: EventWriter) => Promise<void>,
): Promise<void> {
  const leave = () => left.abort()
  const write = (frames: Uint8Array) => {
    if (left.signal.aborted) return
    controller.enqueue(frames)
    if ((controller.desiredSize ?? 0) <= 0) leave()
  }
  const pings = setInterval(() => write(PING), pingMs)
  const end = setTimeout(leave, longestMs)
  const stay = untilClosing(leave)
  try {
    write(RETRY)
    await source({ write, signal: left.signal })
  } finally {
    clearInterval(pings)
    clearTimeout(end)
    stay()
    close(controller)
  }
}

/** One whose reader has left is closed already. */
function close(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close()
  } catch {
    // Nobody is there to be told.
  }
}
