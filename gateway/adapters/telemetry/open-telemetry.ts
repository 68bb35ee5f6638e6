import type * as Api from '@opentelemetry/api'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'

import type { Log } from '../../../shared/log.ts'
import type { Trace } from '../../../shared/trace.ts'
import type { Span, Tracer } from '../../ports/tracer.ts'
import { NO_TRACER } from './no-telemetry.ts'

export type OpenTelemetryOptions = {
  /** OTEL_EXPORTER_OTLP_ENDPOINT; `null` exports no traces and loads no OpenTelemetry package. */
  readonly endpoint: string | null
  readonly log: Log
}

/** A tracer; dispose exports the remaining spans. */
export type Tracing = AsyncDisposable & { readonly tracer: Tracer }

/** Timeout of one export, also of the last one. */
const EXPORT_TIMEOUT_MS = 3000

/**
 * Opens a tracer that exports spans by OTLP over HTTP, as JSON, in background batches. An unreachable collector loses
 * spans, never work. OpenTelemetry reads its other variables itself (OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME,
 * OTEL_RESOURCE_ATTRIBUTES …).
 */
export async function openTracing({ endpoint, log }: OpenTelemetryOptions): Promise<Tracing> {
  if (endpoint === null) return { tracer: NO_TRACER, [Symbol.asyncDispose]: async () => {} }
  const [api, { BatchSpanProcessor, TracerProvider }, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ])
  const exporter = logExportFailures(
    new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: EXPORT_TIMEOUT_MS }),
    log,
  )
  const provider = new TracerProvider({
    resource: resources
      .resourceFromAttributes({ 'service.name': 'tallylight-gateway' })
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    spanProcessors: [new BatchSpanProcessor({ exporter, exportTimeoutMillis: EXPORT_TIMEOUT_MS })],
  })
  return {
    tracer: createTracer(api, provider.getTracer('tallylight')),
    [Symbol.asyncDispose]: () => provider.shutdown().catch(() => undefined),
  }
}

/** Wraps an exporter to log once when exports begin to fail, and once when they succeed again. */
function logExportFailures(exporter: SpanExporter, log: Log): SpanExporter {
  let isFailing = false
  return {
    export: (spans: ReadableSpan[], done) =>
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined
        if (failed && !isFailing) log.warn('traces cannot be exported', { error: result.error })
        if (!failed && isFailing) log.info('traces are exported again')
        isFailing = failed
        done(result)
      }),
    shutdown: () => exporter.shutdown(),
  }
}

function createTracer({ ROOT_CONTEXT, SpanKind, SpanStatusCode, trace }: typeof Api, tracer: Api.Tracer): Tracer {
  const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const
  return {
    async span({ name, kind, parent, attributes = {} }, work) {
      const cause = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, toContext(parent))
      const span = tracer.startSpan(name, { kind: kinds[kind], attributes }, cause)
      const fail = (message: string) => void span.setStatus({ code: SpanStatusCode.ERROR, message })
      const own: Span = { trace: toTrace(span.spanContext()), note: (more) => void span.setAttributes(more), fail }
      try {
        return await work(own)
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error))
        throw error
      } finally {
        span.end()
      }
    },
  }
}

function toContext({ traceId, spanId, flags }: Trace): Api.SpanContext {
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
}

function toTrace({ traceId, spanId, traceFlags }: Api.SpanContext): Trace {
  return { traceId, spanId, flags: traceFlags.toString(16).padStart(2, '0') }
}
