import { childOf, type Trace } from '../../shared/trace.ts'

export type Attributes = Readonly<Record<string, string | number | boolean>>

/** A piece of work that is under way. */
export type Span = {
  /** What it hands on to whatever it causes. */
  readonly trace: Trace
  note(attributes: Attributes): void
  /** It went wrong, though it does not reject. */
  fail(reason: string): void
}

export type SpanStart = {
  /** One of few: what differs from one to the next stands in the attributes. */
  readonly name: string
  /** Whether it answers a request, makes one, or is done in here. */
  readonly kind: 'server' | 'client' | 'internal'
  /** What causes it; `null`: nothing that is known. */
  readonly parent: Trace | null
  readonly attributes?: Attributes
}

/** Follows pieces of work across processes. */
export type Tracer = {
  /** Runs `work` as a span, which fails when it rejects. */
  span<T>(start: SpanStart, work: (span: Span) => Promise<T>): Promise<T>
}

/** Hands traces on and records nothing. */
export const NO_TRACER: Tracer = {
  span: (start, work) => work({ trace: childOf(start.parent), note() {}, fail() {} }),
}
