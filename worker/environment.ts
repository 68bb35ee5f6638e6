import * as v from 'valibot'

export const Text = v.pipe(v.string(), v.trim(), v.nonEmpty())

export const HttpUrl = v.pipe(
  Text,
  v.check((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be an http or https URL'),
)

const PORT = 'must be a port'

/** What every kind of worker is told, by the variables' names. */
export const WorkerEnvironment = v.object({
  /** Who it is in its calls: `X-Worker-Id`. */
  WORKER_NAME: Text,
  /** The key of its one assignment. */
  WORKER_TOKEN: Text,
  GATEWAY_URL: v.pipe(
    HttpUrl,
    v.transform((url) => url.replace(/\/+$/, '')),
  ),
  /** Set where stdin is a pipe from the gateway, whose end means that the gateway's process is gone. */
  GATEWAY_PIPE: v.optional(v.picklist(['1'], 'must be 1 or not set')),
  /** Where probes are answered; not set: nowhere. */
  HEALTH_PORT: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,5}$/, PORT), v.transform(Number), v.minValue(1, PORT), v.maxValue(65_535, PORT)),
  ),
  /** The trace of the request that this worker is there for; what is none begins no trouble. */
  TRACEPARENT: v.optional(v.string()),
  LOG_LEVEL: v.optional(v.picklist(['error', 'warn', 'info', 'debug'], 'must be error, warn, info or debug'), 'info'),
  HTTP_PROXY: v.optional(HttpUrl),
  HTTPS_PROXY: v.optional(HttpUrl),
  NO_PROXY: v.optional(Text),
})
export type WorkerEnvironment = v.InferOutput<typeof WorkerEnvironment>

/** Wrong or missing variables: all of them by name, never a value. */
export class EnvironmentError extends Error {}

/** Reads the variables of a schema; an empty one counts as not set. Throws an `EnvironmentError`. */
export function readEnvironment<Output>(schema: v.GenericSchema<unknown, Output>, env: NodeJS.ProcessEnv): Output {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = v.safeParse(schema, given)
  if (parsed.success) return parsed.output
  throw new EnvironmentError([...new Set(parsed.issues.map(problem))].join('; '))
}

/** A schema's own message may show the value that it refuses; ours do not. */
function problem(issue: v.BaseIssue<unknown>): string {
  const name = v.getDotPath(issue) ?? 'environment'
  if (issue.input === undefined) return `${name} is missing`
  return `${name} ${issue.kind === 'schema' ? `is not ${issue.expected ?? 'valid'}` : issue.message}`
}
