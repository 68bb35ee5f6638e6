import { createConsola, type LogObject } from 'consola/basic'

/** Structured log: a static message, everything else in fields. */
export type Log = {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The same log with these fields on every line. */
  with(fields: LogFields): Log
}
export type LogFields = Readonly<Record<string, unknown>>

export type LogLevel = keyof typeof LEVELS
/** consola's numbers: a level shows itself and all below it. */
const LEVELS = { error: 0, warn: 1, info: 3, debug: 4 } as const

/**
 * A log that hands each event to `write` as one line of JSON: `timestamp`, `level`, `component`, `message`, then the
 * fields. Errors become their message and, at debug level only, their stack. Callers pass no secret: no key, no token,
 * no URL with its query.
 */
export function createLog(component: string, level: LogLevel, write: (line: string) => void): Log {
  const consola = createConsola({
    level: LEVELS[level],
    throttle: 0,
    reporters: [{ log: (event) => write(toLine(event, component, level === 'debug')) }],
  })
  return bind(consola, {})
}

function bind(consola: ReturnType<typeof createConsola>, bound: LogFields): Log {
  const emit = (type: LogLevel) => (message: string, fields?: LogFields) =>
    consola[type](message, { ...bound, ...fields })
  return {
    debug: emit('debug'),
    info: emit('info'),
    warn: emit('warn'),
    error: emit('error'),
    with: (fields) => bind(consola, { ...bound, ...fields }),
  }
}

function toLine(event: LogObject, component: string, stacks: boolean): string {
  const [message, fields] = event.args
  const head = { timestamp: event.date.toISOString(), level: event.type, component, message }
  return JSON.stringify({ ...head, ...fields }, (_key, value: unknown) => plain(value, stacks))
}

/** Drizzle puts a failed query's parameters into its message; they are users' data, and may hold their secrets. */
const QUERY_PARAMETERS = /\nparams: .*/s

function plain(value: unknown, stacks: boolean): unknown {
  if (typeof value === 'bigint') return String(value)
  if (!(value instanceof Error)) return value
  const told = stacks ? (value.stack ?? value.message) : value.message
  const cause = value.cause instanceof Error ? `: ${value.cause.message}` : ''
  return told.replace(QUERY_PARAMETERS, '') + cause
}
