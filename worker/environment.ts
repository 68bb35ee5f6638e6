import * as v from 'valibot'

export const NonEmptyText = v.pipe(v.string(), v.trim(), v.nonEmpty())

export const HttpUrl = v.pipe(
  NonEmptyText,
  v.check((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be an http or https URL'),
)

const PORT_RANGE = 'must be a port'
const PORT_OR_ANY = 'must be a port, or 0 for any free one'

export const Port = v.pipe(
  v.string(),
  v.regex(/^\d{1,5}$/, PORT_RANGE),
  v.transform(Number),
  v.minValue(1, PORT_RANGE),
  v.maxValue(65_535, PORT_RANGE),
)

/** A port that a server binds; 0 lets the system choose. */
export const BoundPort = v.pipe(
  v.string(),
  v.regex(/^\d{1,5}$/, PORT_OR_ANY),
  v.transform(Number),
  v.maxValue(65_535, PORT_OR_ANY),
)

/** The environment variables of every kind of worker. */
export const WorkerEnvironment = v.object({
  /** Its name in its calls: `X-Worker-Id`. */
  WORKER_NAME: NonEmptyText,
  /** The key of its assignment. */
  WORKER_TOKEN: NonEmptyText,
  GATEWAY_URL: v.pipe(
    HttpUrl,
    v.transform((url) => url.replace(/\/+$/, '')),
  ),
  /** Set where stdin is a pipe from the gateway: the end of the pipe means that the gateway's process is gone. */
  GATEWAY_PIPE: v.optional(v.picklist(['1'], 'must be 1 or not set')),
  /** The port of the health probes; not set: no probes. */
  HEALTH_PORT: v.optional(Port),
  /** The address of its Pod, by which other parts of the system reach it; not set: it is a process of the gateway's machine. */
  POD_IP: v.optional(v.pipe(v.string(), v.ip('must be an IP address'))),
  /** The trace of the request that created the assignment. An invalid one is ignored. */
  TRACEPARENT: v.optional(v.string()),
  LOG_LEVEL: v.optional(v.picklist(['error', 'warn', 'info', 'debug'], 'must be error, warn, info or debug'), 'info'),
  HTTP_PROXY: v.optional(HttpUrl),
  HTTPS_PROXY: v.optional(HttpUrl),
  NO_PROXY: v.optional(NonEmptyText),
})
export type WorkerEnvironment = v.InferOutput<typeof WorkerEnvironment>

/** Environment variables are wrong or missing. The message names all of them, and no value. */
export class EnvironmentError extends Error {}

/**
 * Reads the variables of a schema. An empty variable counts as not set.
 * @throws EnvironmentError
 */
export function readEnvironment<Output>(schema: v.GenericSchema<unknown, Output>, env: NodeJS.ProcessEnv): Output {
  const variables = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = v.safeParse(schema, variables)
  if (parsed.success) return parsed.output
  throw new EnvironmentError([...new Set(parsed.issues.map(describeIssue))].join('; '))
}

/** Describes an issue without the refused value, which the schema's own message may contain. */
function describeIssue(issue: v.BaseIssue<unknown>): string {
  const name = v.getDotPath(issue) ?? 'environment'
  if (issue.input === undefined) return `${name} is missing`
  return `${name} ${issue.kind === 'schema' ? `is not ${issue.expected ?? 'valid'}` : issue.message}`
}
