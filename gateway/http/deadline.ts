import type { Context, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'

/** The key under which a request keeps what aborts when its time is over. */
const DEADLINE = 'deadline'
const TOO_SLOW = new HTTPException(503, { message: 'the database did not answer in time' })

/** Ends requests that take longer than `ms` with 503. What they wait for ends with `deadlineOf`. */
export function limitDuration(ms: number): MiddlewareHandler {
  return async (c, next) => {
    const deadline = new AbortController()
    c.set(DEADLINE, deadline)
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(TOO_SLOW)
        deadline.abort(TOO_SLOW)
      }, ms)
    })
    try {
      await Promise.race([next(), late])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Returns a signal that aborts when the time of a request is over, or its client has left. */
export function deadlineOf(c: Context): AbortSignal {
  const deadline: AbortController | undefined = c.get(DEADLINE)
  const client = c.req.raw.signal
  if (deadline === undefined) return client
  const leave = () => deadline.abort(client.reason)
  if (client.aborted) leave()
  else client.addEventListener('abort', leave, { once: true })
  return deadline.signal
}
