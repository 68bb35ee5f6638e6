/** The connection that a stream writes to until either side closes it. */
export type ResponseSink = {
  write(text: string): void
  end(): void
  /** Breaks the connection. */
  cut(): void
  /** Aborts once the connection is closed by either side. */
  readonly closed: AbortSignal
}

/** A response with a complete body. */
export type WholeResponse = {
  readonly status: number
  readonly contentType: string
  readonly body: string | Buffer
  /** The texts of its `Warning` headers. */
  readonly warnings?: readonly string[]
  readonly retryAfterSec?: number
}

/** A response whose body is written over time. */
export type StreamResponse = { readonly contentType: string; readonly stream: (sink: ResponseSink) => void }

export type ApiResponse = WholeResponse | StreamResponse

/** Makes a response with a JSON body. */
export function jsonResponse(value: unknown, status = 200): WholeResponse {
  return { status, contentType: 'application/json', body: JSON.stringify(value) }
}

/** Makes a response with a plain text body. */
export function textResponse(body: string, status = 200): WholeResponse {
  return { status, contentType: 'text/plain', body }
}
