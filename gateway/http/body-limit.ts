import type { Context, MiddlewareHandler, Next } from 'hono'

import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'

/*
 * A body is read by `readBody` once its route wants it, after the caller's credentials are judged. It must arrive within
 * some seconds (408). Bodies over 64 KiB, or over the limit of their route, are refused with 413. They are still read,
 * within bounds: a server that leaves a body unread resets the connection, and the client may see neither this answer nor
 * the one to its next request. A longer body, and one that its route has not read, is read on after the answer, which states
 * that it is the last of its connection (RFC 9112 §9.6).
 */

const MAX_BODY_BYTES = 64 * 1024
/** In this time a body must have arrived, in ms. It is shorter than the longest request: the database has its share. */
const MAX_READ_MS = 6000
const LAST_MS = 20
/** Bodies over 64 KiB that are read at a time: a body is in memory before its signature can be checked. */
const MOST_LARGE_BODIES = 2
/** `Retry-After` of a further one, in seconds. */
const RETRY_SEC = 1

/** A limit above 64 KiB for the calls that match, by method and path: `PUT /internal/v1/…`. */
export type BodyLimit = { readonly call: RegExp; readonly bytes: number }

type ReadBound = { readonly bytes: number; readonly ms: number }

/** How much of a refused body is discarded before the answer, so that the connection serves the next request. */
const BEFORE_ANSWER: ReadBound = { bytes: 8 * 1024 * 1024, ms: 3000 }
/** How much of a body that its route has not read is discarded before the answer, likewise. */
const UNREAD: ReadBound = { bytes: 64 * 1024, ms: 50 }
/** How much more is discarded after the answer, before the connection ends. */
const AFTER_ANSWER: ReadBound = { bytes: 64 * 1024 * 1024, ms: 5000 }

type BodyReader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>
/** The keys under which a request keeps its body, an unread large one, the rest of a refused one, and its time to arrive. */
const TEXT = 'bodyText'
const LARGE = 'largeBody'
const REST = 'restOfBody'
const READ_MS = 'bodyReadMs'

/** A body over 64 KiB, or of unknown length, that waits to be read. */
type LargeBody = {
  readonly reader: BodyReader
  /** The limit of its route. */
  readonly most: number
  /** Takes one of the places for large bodies until the request ends. @throws BrokenRule GATEWAY_BUSY */
  takePlace(): void
}

/**
 * Returns the middlewares that `readBody` needs. Bodies over 64 KiB are refused (413 BODY_TOO_LARGE), except those of calls
 * with a limit of their own: of these a few are read at a time, and a further one is refused (503 GATEWAY_BUSY).
 */
export function limitBody(
  limits: readonly BodyLimit[],
  readMs = MAX_READ_MS,
): readonly [MiddlewareHandler, MiddlewareHandler] {
  let largeBodies = 0

  async function limit(c: Context, next: Next): Promise<void> {
    // They have no body; the server's request object is costly to complete.
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return next()
    c.set(READ_MS, readMs)
    // The length first: reading `body` completes the server's request object, which is costly.
    if ((lengthOf(c) ?? Infinity) <= MAX_BODY_BYTES || c.req.raw.body === null) return next()
    const most = limits.find(({ call }) => call.test(`${c.req.method} ${c.req.path}`))?.bytes ?? MAX_BODY_BYTES
    let hasPlace = false
    const takePlace = () => {
      if (most <= MAX_BODY_BYTES) return
      if (largeBodies >= MOST_LARGE_BODIES) {
        const message = 'too many large bodies arrive at the moment; try again'
        throw new BrokenRule(KERNEL_ERRORS.GATEWAY_BUSY, message, { retryAfterSec: RETRY_SEC })
      }
      largeBodies += 1
      hasPlace = true
    }
    // A locked body: who reads it by another function than `readBody` gets an error, not a body without a limit.
    const large: LargeBody = { reader: c.req.raw.body.getReader(), most, takePlace }
    c.set(LARGE, large)
    try {
      await next()
    } finally {
      if (hasPlace) largeBodies -= 1
    }
  }
  return [discardRest, limit]
}

/**
 * Returns the body of a request as text, within its limits.
 * @throws BrokenRule BODY_TOO_LARGE, GATEWAY_BUSY, REQUEST_TIMEOUT, or INVALID_CONFIG where the client has cut it
 */
export async function readBody(c: Context): Promise<string> {
  const known: string | undefined = c.get(TEXT)
  if (known !== undefined) return known
  const large: LargeBody | undefined = c.get(LARGE)
  if (large !== undefined) await readLargeBody(c, large)
  const text = await withinReadTime(c, () => c.req.text())
  c.set(TEXT, text)
  return text
}

/** Reads a large body, and puts what was read in its place. */
async function readLargeBody(c: Context, { reader, most, takePlace }: LargeBody): Promise<void> {
  const isTooLong = (lengthOf(c) ?? 0) > most
  if (!isTooLong) takePlace()
  c.set(LARGE, undefined)
  // A body that is late is read on after the answer, so that its client can see that.
  if (!isTooLong) c.set(REST, reader)
  const late = new AbortController()
  const read = isTooLong ? null : await withinReadTime(c, () => readUpTo(reader, most, late.signal), late)
  c.set(REST, undefined)
  if (read === null) {
    if (!(await discard(reader, BEFORE_ANSWER))) c.set(REST, reader)
    throw new BrokenRule(KERNEL_ERRORS.BODY_TOO_LARGE, `the body is larger than ${most / 1024} KiB`)
  }
  c.req.raw = new Request(c.req.raw, { method: c.req.method, body: read })
}

/** Runs `read` until the body is late; `late` aborts then. */
async function withinReadTime<Read>(c: Context, read: () => Promise<Read>, late?: AbortController): Promise<Read> {
  const ms: number = c.get(READ_MS) ?? MAX_READ_MS
  let timer: ReturnType<typeof setTimeout> | undefined
  const ended = new Promise<never>((_resolve, reject) => {
    const giveUp = () => {
      const tooSlow = new BrokenRule(KERNEL_ERRORS.REQUEST_TIMEOUT, `the body did not arrive within ${ms / 1000} s`)
      reject(tooSlow)
      late?.abort(tooSlow)
    }
    // In two steps: what arrived while this program was busy is read in between, and is not late.
    timer = setTimeout(() => {
      timer = setTimeout(giveUp, LAST_MS)
    }, ms - LAST_MS)
  })
  try {
    return await Promise.race([read(), ended])
  } catch (error) {
    if (error instanceof BrokenRule) throw error
    throw new BrokenRule(KERNEL_ERRORS.INVALID_CONFIG, 'the body ended before all of it had arrived')
  } finally {
    clearTimeout(timer)
  }
}

/** Returns the length of a body as stated. RFC 9112 §6.3: Content-Length means nothing beside Transfer-Encoding. */
function lengthOf({ req }: Context): number | null {
  const { headers } = req.raw
  const length = headers.has('transfer-encoding') ? null : headers.get('content-length')
  return length === null ? null : Number(length)
}

/** Returns a whole body, or `null` where it is longer than `bytes`. @throws the signal's reason if that aborts first */
async function readUpTo(reader: BodyReader, bytes: number, signal: AbortSignal): Promise<Blob | null> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  for (let length = 0; ;) {
    const { done, value } = await reader.read()
    signal.throwIfAborted()
    if (done) return new Blob(chunks)
    length += value.length
    if (length > bytes) return null
    chunks.push(value)
  }
}

async function discardRest(c: Context, next: Next): Promise<void> {
  await next()
  const unread: LargeBody | undefined = c.get(LARGE)
  // Most calls without a stated length have no body at all.
  if (unread !== undefined && (await discard(unread.reader, UNREAD))) return
  const rest: BodyReader | undefined = c.get(REST) ?? unread?.reader
  if (rest === undefined) return
  if (c.res.body === null) {
    c.res.headers.set('Connection', 'close')
    return rest.cancel()
  }
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
