import type { Context, MiddlewareHandler, Next } from 'hono'

import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import { deadlineOf } from './deadline.ts'

/*
 * Bodies over 64 KiB, or over the limit of their route, are refused with 413. They are still read, within bounds: a server
 * that leaves a body unread resets the connection, and the client may see neither this answer nor the one to its next
 * request. A longer body is read on after the answer, which states that it is the last of its connection (RFC 9112 §9.6).
 */

const MAX_BODY_BYTES = 64 * 1024
/** Bodies over 64 KiB that are read at a time: a body is in memory before its signature can be checked. */
const MOST_LARGE_BODIES = 2
/** `Retry-After` of a further one, in seconds. */
const RETRY_SEC = 1

/** A limit above 64 KiB for the calls that match, by method and path: `PUT /internal/v1/…`. */
export type BodyLimit = { readonly call: RegExp; readonly bytes: number }

type ReadBound = { readonly bytes: number; readonly ms: number }

/** How much of a refused body is discarded before the answer, so that the connection serves the next request. */
const BEFORE_ANSWER: ReadBound = { bytes: 8 * 1024 * 1024, ms: 3000 }
/** How much more is discarded after the answer, before the connection ends. */
const AFTER_ANSWER: ReadBound = { bytes: 64 * 1024 * 1024, ms: 5000 }

type BodyReader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>
/** The key under which a request keeps the unread rest of its body. */
const REST = 'restOfBody'

/**
 * Refuses bodies over 64 KiB (413 BODY_TOO_LARGE), except for calls that have a limit of their own. Of their large bodies
 * a few are read at a time; a further one is refused (503 GATEWAY_BUSY).
 */
export function limitBody(limits: readonly BodyLimit[]): readonly [MiddlewareHandler, MiddlewareHandler] {
  let largeBodies = 0

  async function passLargeBody(c: Context, next: Next, most: number): Promise<void> {
    if (largeBodies >= MOST_LARGE_BODIES) {
      const message = 'too many large bodies arrive at the moment; try again'
      return refuseBody(c, new BrokenRule(KERNEL_ERRORS.GATEWAY_BUSY, message, { retryAfterSec: RETRY_SEC }))
    }
    largeBodies += 1
    try {
      await passBody(c, next, most)
    } finally {
      largeBodies -= 1
    }
  }

  async function limit(c: Context, next: Next): Promise<void> {
    // They have no body; the server's request object is costly to complete.
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return next()
    if (c.req.raw.body === null || (lengthOf(c) ?? Infinity) <= MAX_BODY_BYTES) return next()
    const most = limits.find(({ call }) => call.test(`${c.req.method} ${c.req.path}`))?.bytes ?? MAX_BODY_BYTES
    return most > MAX_BODY_BYTES ? passLargeBody(c, next, most) : passBody(c, next, most)
  }
  return [discardRest, limit]
}

/** Returns the length of a body as stated. RFC 9112 §6.3: Content-Length means nothing beside Transfer-Encoding. */
function lengthOf({ req }: Context): number | null {
  const { headers } = req.raw
  const length = headers.has('transfer-encoding') ? null : headers.get('content-length')
  return length === null ? null : Number(length)
}

/** Goes on with a body of up to `most` bytes, once it is read, and refuses a longer one. */
async function passBody(c: Context, next: Next, most: number): Promise<void> {
  const reader = readerOf(c)
  const isTooLong = (lengthOf(c) ?? 0) > most
  const read = isTooLong ? null : await readUpTo(reader, most, deadlineOf(c))
  if (read === null) {
    const message = `the body is larger than ${most / 1024} KiB`
    return refuseBody(c, new BrokenRule(KERNEL_ERRORS.BODY_TOO_LARGE, message), reader)
  }
  c.req.raw = new Request(c.req.raw, { method: c.req.method, body: read })
  return next()
}

function readerOf(c: Context): BodyReader {
  const { body } = c.req.raw
  if (body === null) throw new Error('the request has no body')
  return body.getReader()
}

async function refuseBody(c: Context, rule: BrokenRule, reader: BodyReader = readerOf(c)): Promise<never> {
  if (!(await discard(reader, BEFORE_ANSWER))) c.set(REST, reader)
  throw rule
}

/** Returns a whole body, or `null` where it is longer than `bytes`. @throws the signal's reason if that aborts first */
async function readUpTo(reader: BodyReader, bytes: number, signal: AbortSignal): Promise<Blob | null> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  const cancel = () => void reader.cancel(signal.reason).catch(() => undefined)
  signal.addEventListener('abort', cancel, { once: true })
  try {
    for (let length = 0; ;) {
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (done) return new Blob(chunks)
      length += value.length
      if (length > bytes) return null
      chunks.push(value)
    }
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

async function discardRest(c: Context, next: Next): Promise<void> {
  await next()
  const rest: BodyReader | undefined = c.get(REST)
  if (rest === undefined) return
  const answer = new Uint8Array(await c.res.arrayBuffer())
  const { status, headers } = c.res
  c.res = new Response(answerBeforeRest(rest, answer), { status, headers })
  c.res.headers.set('Content-Length', String(answer.length))
  c.res.headers.set('Connection', 'close')
}

/** Returns a stream that sends the whole answer at once and ends when the rest of the body is discarded. */
function answerBeforeRest(rest: BodyReader, answer: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(answer),
    async pull(controller) {
      await discard(rest, AFTER_ANSWER)
      controller.close()
    },
    cancel: () => rest.cancel(),
  })
}

/** Reads a body to its end and drops it; returns false where that exceeds the bound. A broken body has ended. */
async function discard(reader: BodyReader, { bytes, ms }: ReadBound): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms)
  })
  try {
    for (let dropped = 0; dropped < bytes;) {
      const chunk = await Promise.race([reader.read(), late])
      if (chunk === 'late') return false
      if (chunk.done) return true
      dropped += chunk.value.length
    }
    return false
  } catch {
    return true
  } finally {
    clearTimeout(timer)
  }
}
