/** Which piece of work causes which, across processes: W3C Trace Context, https://www.w3.org/TR/trace-context/. */
export type Trace = {
  /** 32 hex digits, the same for all that one request causes. */
  readonly traceId: string
  /** 16 hex digits: the piece of work at hand. */
  readonly spanId: string
  /** Two hex digits; `01`: whoever began the trace records it. */
  readonly flags: string
}

/** Version 00 ends with its flags, which a later one need not (§4); ff is no version, and no id is all zeros. */
const TRACEPARENT =
  /^(?!ff)(?:00(?=.{53}$)|(?!00)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

/** The trace that a `traceparent` header names (§3.2); `null` where there is none, or it is not valid. */
export function readTraceparent(header: string | null | undefined): Trace | null {
  const [valid, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(header?.trim() ?? '') ?? []
  return valid === undefined ? null : { traceId, spanId, flags }
}

/** A trace as its header says it. */
export function writeTraceparent({ traceId, spanId, flags }: Trace): string {
  return `00-${traceId}-${spanId}-${flags}`
}

/** The trace of a piece of work that `parent` causes; of its own, recorded, where nothing known causes it. */
export function childOf(parent: Trace | null): Trace {
  return parent === null
    ? { traceId: randomHex(16), spanId: randomHex(8), flags: '01' }
    : { ...parent, spanId: randomHex(8) }
}

/** Ids must be unlike each other, not secret: the fast source of randomness does. */
function randomHex(bytes: number): string {
  let hex = ''
  for (let rest = bytes; rest > 0; rest -= 4) {
    const four = Math.floor(Math.random() * 2 ** 32)
    hex += four.toString(16).padStart(8, '0')
  }
  return hex
}
