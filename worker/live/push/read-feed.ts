import type { IngestSource } from '../../../shared/contract/live.ts'
import type { Log } from '../../../shared/log.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Fetcher } from '../../platform/http.ts'
import { sleep } from '../../platform/wake-signal.ts'
import { openSource } from '../source/open-source.ts'
import type { TagQueue } from '../source/tag-queue.ts'
import type { MediaFeed } from './media-feed.ts'

export type ReadFeedOptions = {
  readonly feed: MediaFeed
  /** Returns the encoder to read now; `null`: none, or nothing is pushed. */
  readonly source: () => IngestSource | null
  readonly fetcher: Fetcher
  readonly clock: Clock
  readonly gatewayClock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

const POLL_MS = 250
const PAUSE_MS = 500

/**
 * Reads the ingest into a feed, one session after another, until the signal aborts. It is one more reader of the ingest, for
 * all targets together: the encoder's own reader is never held up by a platform.
 */
export async function readFeed(options: ReadFeedOptions): Promise<void> {
  const { feed, signal } = options
  let finished: string | null = null
  while (!signal.aborted) {
    const source = options.source()
    if (source === null || source.session === finished) await sleep(POLL_MS, signal)
    else if (await readSession(options, source)) finished = source.session
  }
  feed.end()
}

/** Reads a session, over broken connections, until it ends (true) or is not wanted any more (false). */
async function readSession(options: ReadFeedOptions, source: IngestSource): Promise<boolean> {
  const { feed, fetcher, clock, gatewayClock, log, signal } = options
  const isWanted = () => !signal.aborted && options.source()?.session === source.session
  let hasEnded = false
  let hasBegun = false
  while (!hasEnded && isWanted()) {
    const opening = await openSource(source, { fetcher, clock, gatewayClock, fromMs: null, signal, stopping: signal })
    hasEnded = opening.kind === 'gone'
    if (opening.kind === 'opened') {
      await using opened = opening.source
      if (hasBegun) feed.markGap()
      else feed.begin()
      hasBegun = true
      hasEnded = await passTags(opened.tags, feed, isWanted)
    } else if (opening.kind === 'failed') {
      log.warn('session not read for its targets', { session: source.session, reason: opening.reason })
      await sleep(PAUSE_MS, signal)
    }
  }
  feed.end()
  return hasEnded
}

/** Passes on tags until the session ends (true), the connection breaks or the session is not wanted any more (false). */
async function passTags(tags: TagQueue, feed: MediaFeed, isWanted: () => boolean): Promise<boolean> {
  while (isWanted()) {
    const next = await tags.next(POLL_MS)
    if (next.kind === 'tag') feed.add(next.tag)
    else if (next.kind !== 'waiting') return next.kind === 'ended'
  }
  return false
}
