import * as v from 'valibot'

/** An environment, or the bindings that take its place. */
export type Env = Readonly<Record<string, string | undefined>>

/** Text with something in it. */
export const text = v.pipe(v.string(), v.trim(), v.nonEmpty('must not be empty'))

/** A whole number from `min` to `max`. */
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

/** Where a Postgres is. */
export const postgresUrl = v.pipe(
  text,
  v.check(isPostgresUrl, 'must be a URL such as postgres://user:password@host:5432/name, special characters escaped'),
)

/** A user and a password are unescaped by the client; lists of hosts and sockets are not for `URL` to judge. */
function isPostgresUrl(value: string): boolean {
  try {
    decodeURIComponent(value)
    return /^postgres(?:ql)?:\/\//.test(value) && (URL.canParse(value) || /,|%2F/i.test(value))
  } catch {
    return false
  }
}

/** A setting whose absence means something of its own. */
export function orNull<const S extends v.GenericSchema>(schema: S) {
  return v.optional(v.nullable(schema), null)
}

export const port = wholeNumber(1, 65_535)

/** RFC 1123, as Kubernetes has it for namespaces and Deployments. */
export const clusterName = v.pipe(
  text,
  v.regex(/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and hyphens, 63 at most'),
)

/** Quantities of Kubernetes. */
export const cpu = v.pipe(
  text,
  v.regex(/^(?:\d+m|\d+(?:\.\d{1,3})?)$/, 'must be a Kubernetes quantity such as 500m or 2'),
)
export const memory = v.pipe(
  text,
  v.regex(/^\d+(?:[KMGT]i|[kMGT])$/, 'must be a Kubernetes quantity such as 512Mi or 1Gi'),
)

/** Those variables of an environment that are set, by their names. */
export function pick(env: Env, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}
