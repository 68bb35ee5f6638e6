import type { Trace } from '../../shared/trace.ts'

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>

/** An operation that is under way. */
export type Span = {
  /** The trace to propagate to what this operation causes. */
  readonly trace: Trace
  note(attributes: SpanAttributes): void
  /** Marks the operation as failed, though its promise resolves. */
  fail(reason: string): void
}

export type SpanStart = {
  /** One of few names; what differs between operations is in the attributes. */
  readonly name: string
  /** Whether it answers a request, makes one, or is internal. */
  readonly kind: 'server' | 'client' | 'internal'
  /** What causes it; `null`: unknown. */
  readonly parent: Trace | null
  readonly attributes?: SpanAttributes
}

/** Records operations across processes. */
export type Tracer = {
  /** Runs `work` as a span, which fails when `work` rejects. */
  span<T>(start: SpanStart, work: (span: Span) => Promise<T>): Promise<T>
}
