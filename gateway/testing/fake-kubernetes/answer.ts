/** What a stream writes to, until it ends it or the client leaves. */
export type Sink = {
  write(text: string): void
  end(): void
  /** Breaks the connection off. */
  cut(): void
  /** Aborted once the connection is gone, by whomever. */
  readonly closed: AbortSignal
}

/** A body of one piece. */
export type WholeAnswer = {
  readonly status: number
  readonly contentType: string
  readonly body: string | Buffer
  /** What its `Warning` headers say. */
  readonly warnings?: readonly string[]
  readonly retryAfterSec?: number
}

/** A body that goes on. */
export type StreamAnswer = { readonly contentType: string; readonly stream: (sink: Sink) => void }

export type Answer = WholeAnswer | StreamAnswer

export function jsonAnswer(value: unknown, status = 200): WholeAnswer {
  return { status, contentType: 'application/json', body: JSON.stringify(value) }
}

export function plainAnswer(body: string, status = 200): WholeAnswer {
  return { status, contentType: 'text/plain', body }
}
