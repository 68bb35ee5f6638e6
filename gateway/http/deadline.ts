import type { Context, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'

/** The key under which a request keeps what aborts when its time is over. */
const DEADLINE = 'deadline'
const TOO_SLOW = new HTTPException(503, { message: 'the database did not answer in time' })

/** Ends requests that take longer than `ms` with 503. What they wait for ends with `deadlineOf`. */
export function limitDuration(ms: number): MiddlewareHandler {
  return async (c, next) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(TOO_SLOW)
        controllerOf(c).abort(TOO_SLOW)
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
  const deadline = controllerOf(c)
  const client = c.req.raw.signal
  const leave = () => deadline.abort(client.reason)
  if (client.aborted) leave()
  else client.addEventListener('abort', leave, { once: true })
  return deadline.signal
}

/** Returns what aborts when the time of a request is over. Few requests need it, and a signal is costly to create. */
function controllerOf(c: Context): AbortController {
  const deadline: AbortController = c.get(DEADLINE) ?? new AbortController()
  c.set(DEADLINE, deadline)
  return deadline
}
