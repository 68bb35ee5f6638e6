import { createConsola, type LogObject } from 'consola/basic'

/** A structured log: static messages, with everything that varies in fields. */
export type Log = {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** Returns a log that adds these fields to every line. */
  with(fields: LogFields): Log
}
export type LogFields = Readonly<Record<string, unknown>>

export type LogLevel = keyof typeof LEVELS
/** consola's level numbers: a level includes all lower numbers. */
const LEVELS = { error: 0, warn: 1, info: 3, debug: 4 } as const

/**
 * Creates a log that passes each event to `write` as one line of JSON: `timestamp`, `level`, `component`, `message`,
 * then the fields. Errors become their message or, at debug level, their stack. Queries and credentials of URLs are
 * removed; callers must not pass other secrets, such as keys and tokens.
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

function toLine(event: LogObject, component: string, includesStacks: boolean): string {
  const [message, fields] = event.args
  const head = { timestamp: event.date.toISOString(), level: event.type, component, message }
  return JSON.stringify({ ...head, ...fields }, (_key, value: unknown) => toPlainValue(value, includesStacks))
}

/** Drizzle appends a failed query's parameters to its message. They are users' data and may contain secrets. */
const QUERY_PARAMETERS = /\nparams: .*/s

function toPlainValue(value: unknown, includesStacks: boolean): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return removeUrlSecrets(value)
  if (!(value instanceof Error)) return value
  const text = includesStacks ? (value.stack ?? value.message) : value.message
  const cause = value.cause instanceof Error ? `: ${value.cause.message}` : ''
  return removeUrlSecrets(text.replace(QUERY_PARAMETERS, '') + cause)
}

/** Removes credentials and queries from the URLs in a text, which may come from programs, libraries or sites. */
function removeUrlSecrets(text: string): string {
  return text.includes('://') ? text.replaceAll(/:\/\/[^\s"'<>]+/g, redactUrl) : text
}

/** Redacts a URL from its `://` on: its credentials, its query and its fragment. */
function redactUrl(url: string): string {
  const end = url.search(/[?#]/)
  const address = end < 0 ? url : `${url.slice(0, end)}?…`
  return address.replace(/^:\/\/[^/]*@/, '://…@')
}

/** The log field of ids with a prefix: its name. `bare` is the name of a field that has the id without its prefix. */
export type IdField = string | { readonly bare: string }

/**
 * Creates a function that returns an id in its log field: the field that `fieldsByPrefix` has for the text before the
 * first hyphen of the id, or `subject` where it has none.
 */
export function createIdFields(fieldsByPrefix: ReadonlyMap<string, IdField>): (id: string) => LogFields {
  return (id) => {
    const [prefix = ''] = id.split('-', 1)
    const field = fieldsByPrefix.get(prefix) ?? 'subject'
    return typeof field === 'string' ? { [field]: id } : { [field.bare]: id.slice(prefix.length + 1) }
  }
}
