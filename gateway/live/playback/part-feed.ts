import * as v from 'valibot'

import { PartEvent } from '../../../shared/contract/live.ts'
import { deriveWorkerToken, signCallback } from '../../../shared/net/signing.ts'
import type { LiveContext } from '../context.ts'
import { BROADCAST_KIND, broadcastIdOf } from '../broadcast-worker.ts'
import type { PartCache } from './part-cache.ts'
import type { PartMemory } from './part-memory.ts'

/** Where a live worker serves its parts. */
export type PartOrigin = { readonly streamId: string; readonly epoch: number; readonly url: string }

/** The parts of a broadcast, as its live worker announces them. */
export type PartFeed = {
  readonly origin: PartOrigin
  /** Returns the announced parts of the newest segments, in order; `null`: there are none. */
  parts(): readonly PartEvent[] | null
  /** Returns the bytes of a part, or `null` where they are gone. */
  read(part: PartEvent): Promise<ArrayBuffer | null>
  /** Calls `onPart` at each new part; returns a function that ends the subscription. */
  subscribe(onPart: () => void): () => void
  readonly isOpen: () => boolean
  close(): void
}

/** What a feed works with. */
export type PartFeedMeans = {
  readonly context: LiveContext
  readonly cache: PartCache
  /** What earlier feeds of the broadcast have left. */
  readonly memory: PartMemory
}

/** A line of the feed is far shorter. */
const MAX_LINE_CHARS = 4096

/** Opens the feed of a live worker. It ends with the worker, and on `close`. */
export function openPartFeed({ context, cache, memory }: PartFeedMeans, origin: PartOrigin): PartFeed {
  const end = new AbortController()
  const subscribers = new Set<() => void>()
  let isOpen = true
  const self = {}
  memory.feed = self

  async function receive(line: string): Promise<void> {
    const parsed = v.safeParse(PartLine, line)
    if (!parsed.success || parsed.output.epoch !== origin.epoch) return
    if (memory.isWanted(parsed.output.rung)) await readBytes(parsed.output)
    if (memory.feed !== self) return
    memory.add(parsed.output)
    for (const notify of subscribers) notify()
  }

  function readBytes(part: PartEvent): Promise<ArrayBuffer | null> {
    const canFetch = part.epoch === origin.epoch
    return cache.read(memory.nameOf(part), async () => (canFetch ? fetchPart(context, origin, part) : null))
  }

  readLines(context, origin, receive, end.signal)
    .catch((error: unknown) => context.log.debug('feed of parts ended', { stream_id: origin.streamId, error }))
    .finally(() => {
      isOpen = false
      if (memory.feed === self) memory.keepHeld()
      for (const notify of subscribers) notify()
    })
  return {
    origin,
    parts: memory.list,
    read(part) {
      memory.want(part.rung)
      return readBytes(part)
    },
    subscribe(onPart) {
      subscribers.add(onPart)
      return () => void subscribers.delete(onPart)
    },
    isOpen: () => isOpen,
    close: () => end.abort(),
  }
}

const PartLine = v.pipe(v.string(), v.parseJson(), PartEvent)

async function readLines(
  context: LiveContext,
  origin: PartOrigin,
  onLine: (line: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const response = await fetchFromWorker(context, origin, '/feed', signal)
  if (!response.ok || response.body === null) throw new Error(`the live worker answered ${response.status}`)
  let rest = ''
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const pieces = (rest + text).split('\n')
    rest = pieces.pop() ?? ''
    if (rest.length > MAX_LINE_CHARS) throw new Error('a line of the feed is too long')
    for (const line of pieces) if (line !== '') await onLine(line)
  }
}

/** Time limit of reading a part, in ms. */
const PART_TIMEOUT_MS = 5000

/** Returns the bytes of a part, or `null` where the worker does not have it. */
async function fetchPart(
  context: LiveContext,
  origin: PartOrigin,
  { run, rung, n, part }: Pick<PartEvent, 'run' | 'rung' | 'n' | 'part'>,
): Promise<ArrayBuffer | null> {
  const path = `/parts/${run}/${rung}/${n}.${part}.m4s`
  const response = await fetchFromWorker(context, origin, path, AbortSignal.timeout(PART_TIMEOUT_MS)).catch(() => null)
  if (response === null) return null
  const bytes = await response.arrayBuffer().catch(() => null)
  return response.ok ? bytes : null
}

/** Sends a request to a live worker, signed as callbacks are. */
function fetchFromWorker(
  { settings }: LiveContext,
  { streamId, url }: PartOrigin,
  path: string,
  signal: AbortSignal,
): Promise<Response> {
  const token = deriveWorkerToken(settings.keys.INTERNAL_API_KEY, BROADCAST_KIND, broadcastIdOf(streamId))
  const target = new URL(url + path)
  const timestamp = String(Math.floor(Date.now() / 1000))
  const signature = signCallback(token, timestamp, { method: 'GET', path: target.pathname, body: '' })
  return fetch(target, {
    headers: { 'x-timestamp': timestamp, 'x-signature-256': signature },
    redirect: 'error',
    signal,
  })
}
