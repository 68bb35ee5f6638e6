import * as v from 'valibot'

/** The variables of an environment, or the bindings of a fetch runtime. */
export type Env = Readonly<Record<string, string | undefined>>

/** Non-empty text. */
export const text = v.pipe(v.string(), v.trim(), v.nonEmpty('must not be empty'))

/** Returns the schema of a whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`
  return v.pipe(
    v.string(),
    v.regex(/^\d+$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  )
}

/** `true` or `false`. */
export const flag = v.pipe(
  v.picklist(['true', 'false'], 'must be true or false'),
  v.transform((word) => word === 'true'),
)

/** An http or https URL, without a slash at its end. */
export const httpUrl = v.pipe(
  text,
  v.check((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be an http or https URL'),
  v.transform((value) => value.replace(/\/+$/, '')),
)

/** The URL of a Postgres database. */
export const postgresUrl = v.pipe(
  text,
  v.check(isPostgresUrl, 'must be a URL such as postgres://user:password@host:5432/name, special characters escaped'),
)

/** Returns whether the client can parse a URL. It unescapes user and password; lists of hosts and sockets are no WHATWG URLs. */
function isPostgresUrl(value: string): boolean {
  try {
    decodeURIComponent(value)
    return /^postgres(?:ql)?:\/\//.test(value) && (URL.canParse(value) || /,|%2F/i.test(value))
  } catch {
    return false
  }
}

/** Returns the schema of a setting that is `null` where it is not set. */
export function orNull<const S extends v.GenericSchema>(schema: S) {
  return v.optional(v.nullable(schema), null)
}

export const port = wholeNumber(1, 65_535)

/** A name of a namespace or Deployment (RFC 1123). */
export const clusterName = v.pipe(
  text,
  v.regex(/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and hyphens, 63 at most'),
)

/** Kubernetes quantities. */
export const cpu = v.pipe(
  text,
  v.regex(/^(?:\d+m|\d+(?:\.\d{1,3})?)$/, 'must be a Kubernetes quantity such as 500m or 2'),
)
export const memory = v.pipe(
  text,
  v.regex(/^\d+(?:[KMGT]i|[kMGT])$/, 'must be a Kubernetes quantity such as 512Mi or 1Gi'),
)

/** Returns the variables of an environment that are set, of these names. */
export function pick(env: Env, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}

/** Returns the schema of a setting with its description, for the settings guide. */
export function setting<const S extends v.GenericSchema>(schema: S, description: string) {
  return v.pipe(schema, v.description(description))
}
