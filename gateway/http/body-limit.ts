import type { Context, MiddlewareHandler, Next } from 'hono'

import { BrokenRule } from '../errors.ts'

const MAX_BODY_BYTES = 64 * 1024

type Bound = { readonly bytes: number; readonly ms: number }

/** So much of a refused body is read and dropped before the answer: then the connection serves the next request. */
const BEFORE_ANSWER: Bound = { bytes: 8 * 1024 * 1024, ms: 3000 }
/** So much more after it, before the connection ends. */
const AFTER_ANSWER: Bound = { bytes: 64 * 1024 * 1024, ms: 5000 }

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>
/** Where the rest of a body is kept that was too long to be read to its end. */
const REST = 'restOfBody'

/**
 * Refuses bodies over 64 KiB (413). What is refused is still read, within reason: a server that leaves it unread resets
 * the connection, and the client may never see the answer, nor that to its next request. Of a longer one the rest is
 * read after the answer, which says that it is the connection's last (RFC 9112 §9.6).
 */
export const limitBody: readonly [MiddlewareHandler, MiddlewareHandler] = [lingerOverRest, limit]

async function limit(c: Context, next: Next): Promise<void> {
  const { body, headers } = c.req.raw
  // RFC 9112 §6.3: in chunks, the length that is told besides means nothing.
  const told = headers.has('transfer-encoding') ? null : headers.get('content-length')
  if (body === null || Number(told ?? Infinity) <= MAX_BODY_BYTES) return next()
  const reader: Reader = body.getReader()
  const read = told === null ? await readUpTo(reader, MAX_BODY_BYTES) : null
  if (read !== null) {
    c.req.raw = new Request(c.req.raw, { method: c.req.method, body: read })
    return next()
  }
  if (!(await isReadToEnd(reader, BEFORE_ANSWER))) c.set(REST, reader)
  throw new BrokenRule('BODY_TOO_LARGE', `the body is larger than ${MAX_BODY_BYTES / 1024} KiB`)
}

/** All of a body whose length was not told; `null` where it is longer than that. */
async function readUpTo(reader: Reader, bytes: number): Promise<Blob | null> {
  const pieces: Uint8Array<ArrayBuffer>[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return new Blob(pieces)
    length += value.length
    if (length > bytes) return null
    pieces.push(value)
  }
}

async function lingerOverRest(c: Context, next: Next): Promise<void> {
  await next()
  const rest: Reader | undefined = c.get(REST)
  if (rest === undefined) return
  const answer = new Uint8Array(await c.res.arrayBuffer())
  const { status, headers } = c.res
  c.res = new Response(answerBefore(rest, answer), { status, headers })
  c.res.headers.set('Content-Length', String(answer.length))
  c.res.headers.set('Connection', 'close')
}

/** All of the answer at once, and its end when the rest is read. */
function answerBefore(rest: Reader, answer: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(answer),
    async pull(controller) {
      await isReadToEnd(rest, AFTER_ANSWER)
      controller.close()
    },
    cancel: () => rest.cancel(),
  })
}

/** Reads and drops; false where there is more than the bound allows, or it comes too slowly. A broken body has ended. */
async function isReadToEnd(reader: Reader, { bytes, ms }: Bound): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms)
  })
  try {
    for (let dropped = 0; dropped < bytes;) {
      const piece = await Promise.race([reader.read(), late])
      if (piece === 'late') return false
      if (piece.done) return true
      dropped += piece.value.length
    }
    return false
  } catch {
    return true
  } finally {
    clearTimeout(timer)
  }
}
