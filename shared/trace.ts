/** One span of a distributed trace: W3C Trace Context, https://www.w3.org/TR/trace-context/. */
export type Trace = {
  /** 32 hex digits, shared by all spans that one request causes. */
  readonly traceId: string
  /** 16 hex digits: the current span. */
  readonly spanId: string
  /** Two hex digits; `01`: the trace is sampled. */
  readonly flags: string
}

/** Version 00 ends with its flags; later versions may append fields (§4). Version ff and ids of zeros are invalid. */
const TRACEPARENT =
  /^(?!ff)(?:00(?=.{53}$)|(?!00)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

/** Parses a `traceparent` header (§3.2); returns `null` where it is missing or invalid. */
export function parseTraceparent(header: string | null | undefined): Trace | null {
  const [valid, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(header?.trim() ?? '') ?? []
  return valid === undefined ? null : { traceId, spanId, flags }
}

/** Formats a span as a `traceparent` header of version 00. */
export function formatTraceparent({ traceId, spanId, flags }: Trace): string {
  return `00-${traceId}-${spanId}-${flags}`
}

/** Starts a span below `parent`; without a parent, the first span of a new, sampled trace. */
export function startSpan(parent: Trace | null): Trace {
  return parent === null
    ? { traceId: randomHex(16), spanId: randomHex(8), flags: '01' }
    : { ...parent, spanId: randomHex(8) }
}

/** Returns random hex digits. Ids need to be unique, not secret: `Math.random` is enough, and fast. */
function randomHex(bytes: number): string {
  let hex = ''
  for (let rest = bytes; rest > 0; rest -= 4) {
    const four = Math.floor(Math.random() * 2 ** 32)
    hex += four.toString(16).padStart(8, '0')
  }
  return hex
}
