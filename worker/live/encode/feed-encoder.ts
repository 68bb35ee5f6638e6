import type { Clock } from '../../platform/clock.ts'
import type { FlvTag } from '../flv/flv-tag.ts'
import type { RunPlan } from '../plan/plan-run.ts'
import type { SourceStart } from '../source/collect-start.ts'
import type { TagQueue } from '../source/tag-queue.ts'
import { createInputWatch, type InputChange } from './input-watch.ts'

/**
 * Why the input of a run ended. `ended`: the session is over. `lost`: its connection broke. `stopped`: the worker stops.
 * `aborted`: the run has ended otherwise. Or the run cannot go on with what the encoder sends.
 */
export type InputEnd =
  | { readonly kind: 'ended' }
  | { readonly kind: InputChange }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'lost'; readonly reason: string }

export type FeedOptions = {
  readonly plan: Pick<RunPlan, 'hasAudio' | 'frameRate'>
  readonly start: SourceStart
  readonly tags: TagQueue
  /** Writes a tag to the encoder; resolves once there is room for more. */
  readonly write: (tag: FlvTag) => Promise<void>
  readonly isRunOver: () => boolean
  /** Returns whether the gateway still names this session. */
  readonly isCurrent: () => boolean
  readonly clock: Clock
  readonly stopping: AbortSignal
}

const WAIT_MS = 500
/**
 * How long a worker that stops reads on, in ms: where its ingest stops at the same time, the session ends within that, and
 * nothing else has what it sends until then.
 */
const READ_ON_MS = 2000
/** A session that the gateway no longer names ends after this long without a tag. */
const ORPHAN_MS = 3000

/** Feeds the start and then each tag as it comes, until there are no more. */
export async function feedEncoder(options: FeedOptions): Promise<InputEnd> {
  const { start, plan, tags, write, clock, stopping } = options
  const watch = createInputWatch(start, plan)
  const feed = async (tag: FlvTag): Promise<InputChange | null> => {
    const change = watch(tag)
    if (change === null) await write(tag)
    return change
  }
  for (const tag of start.tags) {
    const change = await feed(tag)
    if (change !== null) return { kind: change }
  }
  let lastTagMs = clock.nowMs()
  const mustStop = createStopWatch(stopping, clock)
  while (!options.isRunOver()) {
    if (mustStop()) return { kind: 'stopped' }
    const next = await tags.next(WAIT_MS)
    if (next.kind === 'tag') {
      const change = await feed(next.tag)
      if (change !== null) return { kind: change }
      lastTagMs = clock.nowMs()
    } else if (next.kind !== 'waiting') return next
    else if (!options.isCurrent() && clock.nowMs() - lastTagMs > ORPHAN_MS) return { kind: 'ended' }
  }
  return { kind: 'aborted' }
}

/** Returns a function that returns whether a worker that stops has read on for long enough. */
function createStopWatch(stopping: AbortSignal, clock: Clock): () => boolean {
  let sinceMs: number | null = null
  return () => {
    if (stopping.aborted) sinceMs ??= clock.nowMs()
    return sinceMs !== null && clock.nowMs() - sinceMs > READ_ON_MS
  }
}
