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
 * fields. Errors become their message and, at debug level only, their stack. URLs lose their query
 * and their user. Callers pass no other secret: no key, no token.
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
  if (typeof value === 'string') return withoutSecrets(value)
  if (!(value instanceof Error)) return value
  const told = stacks ? (value.stack ?? value.message) : value.message
  const cause = value.cause instanceof Error ? `: ${value.cause.message}` : ''
  return withoutSecrets(told.replace(QUERY_PARAMETERS, '') + cause)
}

/** What others say (programs, libraries, sites) may name a URL, and a URL may open something. */
function withoutSecrets(text: string): string {
  return text.includes('://') ? text.replaceAll(/:\/\/[^\s"'<>]+/g, bareUrl) : text
}

/** A URL from its `://` on: without its user, and only as far as its query. */
function bareUrl(url: string): string {
  const end = url.search(/[?#]/)
  const address = end < 0 ? url : `${url.slice(0, end)}?…`
  return address.replace(/^:\/\/[^/]*@/, '://…@')
}

/** Which field of a line an id belongs into, by what it begins with: see `ids.ts`. */
const ID_FIELDS: ReadonlyMap<string, string> = new Map([['mon', 'monitor_id']])

/** The id of what a line is about, in its field, for those who have ids of many kinds and know none of them. */
export function idField(id: string): LogFields {
  return { [ID_FIELDS.get(id.split('-', 1)[0] ?? '') ?? 'subject']: id }
}
