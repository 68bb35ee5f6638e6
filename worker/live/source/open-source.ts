import type { IngestSource } from '../../../shared/contract/live.ts'
import { signCallback } from '../../../shared/net/signing.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Fetcher, type OpenResult, toFetchFailure } from '../../platform/http.ts'
import { createFlvReader } from '../flv/flv-reader.ts'
import { createTagQueue, type TagQueue } from './tag-queue.ts'

/** An encoder's media as it arrives. Disposing of it closes the connection. */
export type OpenedSource = AsyncDisposable & {
  readonly tags: TagQueue
  /** Unix time in ms at which timestamp 0 of the session arrived at the ingest. */
  readonly baseMs: number
}

/**
 * `gone`: the ingest has no such session any more. `silent`: it has no key frame yet, before which it does not answer.
 * `failed`: it cannot be reached, or refuses.
 */
export type SourceOpening =
  | { readonly kind: 'opened'; readonly source: OpenedSource }
  | { readonly kind: 'gone' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'failed'; readonly reason: string }

export type SourceOptions = {
  readonly fetcher: Fetcher
  readonly clock: Clock
  readonly gatewayClock: Clock
  /**
   * The source should begin with the newest key frame at or before this time, in ms; with the oldest one if none is.
   * `null`: with the newest one.
   */
  readonly fromMs: number | null
  /** Ends the connection. */
  readonly signal: AbortSignal
  /** Ends the wait for the ingest's answer. */
  readonly stopping: AbortSignal
}

const HEADERS_TIMEOUT_MS = 5000

/** Opens a session's media and reads it in the background. */
export async function openSource(source: IngestSource, options: SourceOptions): Promise<SourceOpening> {
  const abort = new AbortController()
  const end = () => abort.abort()
  let isSilent = false
  const deadline = setTimeout(() => {
    isSilent = true
    end()
  }, HEADERS_TIMEOUT_MS)
  options.signal.addEventListener('abort', end)
  options.stopping.addEventListener('abort', end)
  const headers = signRequest(source, options)
  const opened = await options.fetcher.open(withStart(source.url, options.fromMs), { headers, signal: abort.signal })
  clearTimeout(deadline)
  options.stopping.removeEventListener('abort', end)
  if (opened.kind === 'failed' || opened.head.status !== 200) {
    end()
    options.signal.removeEventListener('abort', end)
    return isSilent ? { kind: 'silent' } : describeRefusal(opened)
  }
  const tags = createTagQueue(options.clock)
  const reading = readTags(opened.body, tags)
  return {
    kind: 'opened',
    source: {
      tags,
      baseMs: readBase(opened.head.headers) ?? options.clock.nowMs(),
      async [Symbol.asyncDispose]() {
        end()
        tags.close()
        options.signal.removeEventListener('abort', end)
        await reading
      },
    },
  }
}

function describeRefusal(opened: OpenResult): SourceOpening {
  if (opened.kind === 'failed') return { kind: 'failed', reason: opened.failure.message }
  if ([404, 410].includes(opened.head.status)) return { kind: 'gone' }
  return { kind: 'failed', reason: `the ingest answers HTTP ${opened.head.status}` }
}

function withStart(url: string, fromMs: number | null): string {
  const start = new URL(url)
  if (fromMs !== null) start.searchParams.set('from', String(Math.floor(fromMs)))
  return start.href
}

function signRequest({ url, token }: IngestSource, { gatewayClock, fromMs }: SourceOptions): Record<string, string> {
  const { pathname, search } = new URL(withStart(url, fromMs))
  const timestamp = (gatewayClock.nowMs() / 1000).toFixed(0)
  const signature = signCallback(token, timestamp, { method: 'GET', path: pathname + search, body: '' })
  return { 'x-timestamp': timestamp, 'x-signature-256': signature }
}

function readBase(headers: { get(name: string): string | null }): number | null {
  const base = Number(headers.get('x-base-ms') ?? Number.NaN)
  return Number.isFinite(base) && base > 0 ? base : null
}

/** Reads a body to its end. Waits while the queue is full, so that the ingest keeps what the encoder cannot take. */
async function readTags(body: AsyncIterable<Uint8Array>, tags: TagQueue): Promise<void> {
  try {
    const reader = createFlvReader()
    for await (const chunk of body) {
      await tags.add(reader.read(chunk))
      if (tags.isClosed()) return
    }
    tags.end(null)
  } catch (error) {
    tags.end(toFetchFailure(error).message)
  }
}
