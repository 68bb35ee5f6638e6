import { ENCODING_PROBLEMS } from '../../../shared/contract/live-problems.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Broadcast } from '../broadcast.ts'
import type { FlvTag } from '../flv/flv-tag.ts'
import {
  createStartCollector,
  type SourceStart,
  type StartCollector,
  type StartOptions,
} from '../source/collect-start.ts'
import type { NextTag, TagQueue } from '../source/tag-queue.ts'
import { readTaggedFrame } from '../source/video-frame.ts'

/** The start of a source. `ended`: without a further frame. `unwanted`: the worker stops, or the broadcast is over. */
export type StartReading =
  | { readonly kind: 'start'; readonly start: SourceStart }
  | { readonly kind: 'ended' }
  | { readonly kind: 'unwanted' }
  | { readonly kind: 'lost'; readonly reason: string }

/** What came within this time after the first frame has to suffice, in ms. */
const PATIENCE_MS = 3000
const WAIT_MS = 250

/** What reading a source needs of its broadcast. */
type StartWaiter = Pick<Broadcast, 'clock' | 'stopping' | 'ended'> & {
  readonly health: Pick<Broadcast['health'], 'setProblem'>
}

/** Reads the first tags of a source. Waits for a picture as long as the session lasts, and says so in the health. */
export async function readStart(
  broadcast: StartWaiter,
  tags: TagQueue,
  options: StartOptions & { readonly isCurrent: () => boolean },
): Promise<StartReading> {
  const { clock, health, stopping, ended } = broadcast
  const collector = createStartCollector(options)
  const patience = createPatience(clock)
  while (!stopping.aborted && !ended.aborted) {
    const next = await tags.next(WAIT_MS)
    if (next.kind === 'tag') {
      collector.add(next.tag)
      patience.note(next.tag, collector)
    }
    const isLate = patience.isOver()
    const reading = readCollected(collector, next, isLate)
    if (reading !== null) return reading
    if (isLate && next.kind === 'waiting' && !options.isCurrent()) return { kind: 'ended' }
    if (isLate) health.setProblem(ENCODING_PROBLEMS.no_picture)
  }
  return { kind: 'unwanted' }
}

/** Measures how long a start is waited for: until its first frame, and from that on. */
function createPatience(clock: Clock) {
  let sinceMs = clock.nowMs()
  let hasFrame = false
  return {
    note(tag: FlvTag, collector: StartCollector): void {
      if (hasFrame || readTaggedFrame(tag) === null || collector.read() === null) return
      hasFrame = true
      sinceMs = clock.nowMs()
    },
    isOver: () => clock.nowMs() - sinceMs > PATIENCE_MS,
  }
}

/** Returns what was collected, once it has to suffice; `null` before. */
function readCollected(collector: StartCollector, next: NextTag, isLate: boolean): StartReading | null {
  const isLast = next.kind === 'ended' || next.kind === 'lost'
  const start = isLast || isLate || collector.isComplete() ? collector.read() : null
  if (start !== null) return { kind: 'start', start }
  return isLast ? next : null
}
