import type { Context, MiddlewareHandler, Next } from 'hono'

import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'

/*
 * Bodies over 64 KiB are refused with 413, and still read within bounds: a server that leaves a body unread resets the
 * connection, and the client may see neither this answer nor the one to its next request. A longer body is read on
 * after the answer, which states that it is the last of its connection (RFC 9112 §9.6).
 */

const MAX_BODY_BYTES = 64 * 1024

type ReadBound = { readonly bytes: number; readonly ms: number }

/** How much of a refused body is discarded before the answer, so that the connection serves the next request. */
const BEFORE_ANSWER: ReadBound = { bytes: 8 * 1024 * 1024, ms: 3000 }
/** How much more is discarded after the answer, before the connection ends. */
const AFTER_ANSWER: ReadBound = { bytes: 64 * 1024 * 1024, ms: 5000 }

type BodyReader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>
/** The key under which a request keeps the unread rest of its body. */
const REST = 'restOfBody'

/** Refuses bodies over 64 KiB (413 BODY_TOO_LARGE). */
export const limitBody: readonly [MiddlewareHandler, MiddlewareHandler] = [discardRest, refuseLargeBody]

async function refuseLargeBody(c: Context, next: Next): Promise<void> {
  const { body, headers } = c.req.raw
  // RFC 9112 §6.3: Content-Length means nothing beside Transfer-Encoding.
  const length = headers.has('transfer-encoding') ? null : headers.get('content-length')
  if (body === null || Number(length ?? Infinity) <= MAX_BODY_BYTES) return next()
  const reader: BodyReader = body.getReader()
  const read = length === null ? await readUpTo(reader, MAX_BODY_BYTES) : null
  if (read !== null) {
    c.req.raw = new Request(c.req.raw, { method: c.req.method, body: read })
    return next()
  }
  if (!(await discard(reader, BEFORE_ANSWER))) c.set(REST, reader)
  throw new BrokenRule(KERNEL_ERRORS.BODY_TOO_LARGE, `the body is larger than ${MAX_BODY_BYTES / 1024} KiB`)
}

/** Returns a whole body of unknown length, or `null` where it is longer than `bytes`. */
async function readUpTo(reader: BodyReader, bytes: number): Promise<Blob | null> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return new Blob(chunks)
    length += value.length
    if (length > bytes) return null
    chunks.push(value)
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
