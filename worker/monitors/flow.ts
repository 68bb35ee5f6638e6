import * as v from 'valibot'

import type { MonitorEvent } from '../../shared/contract/events.ts'
import { eventAt, secondsBetween, toIso } from './event.ts'
import type { Sides } from './snapshot.ts'

/** How one rendition's playlist moves; `newestMs` is when its last new segment was first seen. */
const Movement = v.object({
  kind: v.picklist(['moving', 'still', 'ended']),
  newestMs: v.number(),
  targetDurationSec: v.number(),
})
type Movement = Readonly<v.InferOutput<typeof Movement>>

/**
 * Whether new segments keep coming: the stream is suspended from when one rendition stands still until all move again.
 * `suspendedFromMs` is when the last segment before that was seen.
 */
export const Flow = v.object({
  suspendedFromMs: v.nullable(v.number()),
  movements: v.pipe(v.partial(v.object({ both: Movement, picture: Movement, sound: Movement })), v.readonly()),
})
export type Flow = Readonly<v.InferOutput<typeof Flow>>

export const NO_FLOW: Flow = { suspendedFromMs: null, movements: {} }

/** A playlist that was fetched. */
type FetchedPlaylist = {
  readonly sides: Sides
  readonly targetDurationSec: number
  readonly hasNew: boolean
  /** It has its EXT-X-ENDLIST. */
  readonly isEnded: boolean
  readonly atMs: number
}

/** `turned`: the rendition has come to a stand, or moves again. */
export type FlowStep = {
  readonly flow: Flow
  readonly turned: 'still' | 'moving' | null
  readonly events: readonly MonitorEvent[]
}

/** A rendition that brings nothing new for less than this does not stand still. */
const LEAST_STALL_MS = 10_000

/**
 * The flow after a fetched playlist, which stands still once it has brought nothing new for two target durations. Once
 * one playlist has ended nothing is suspended any more: the others may lack their end.
 */
export function afterPlaylist(flow: Flow, playlist: FetchedPlaylist): FlowStep {
  const { sides, hasNew, atMs } = playlist
  const { suspendedFromMs } = flow
  const before = flow.movements[sides]
  const after = movementAfter(before, playlist)
  const movements = { ...flow.movements, [sides]: after }
  const isAny = (kind: Movement['kind']) => Object.values(movements).some((movement) => movement?.kind === kind)
  const turned = turnOf(before, after)
  if (suspendedFromMs === null && after.kind === 'still' && !isAny('ended')) {
    const { newestMs } = after
    const data = { last_segment_at: toIso(newestMs), stalled_sec: secondsBetween(newestMs, atMs) }
    const events = [eventAt(atMs, 'stream.suspended', data)]
    return { flow: { movements, suspendedFromMs: newestMs }, turned, events }
  }
  if (suspendedFromMs !== null && hasNew && !isAny('still')) {
    const events = [eventAt(atMs, 'stream.resumed', { suspended_sec: secondsBetween(suspendedFromMs, atMs) })]
    return { flow: { movements, suspendedFromMs: null }, turned, events }
  }
  return { flow: { movements, suspendedFromMs }, turned, events: [] }
}

function movementAfter(before: Movement | undefined, playlist: FetchedPlaylist): Movement {
  const { targetDurationSec, hasNew, isEnded, atMs } = playlist
  const newestMs = hasNew ? atMs : (before?.newestMs ?? atMs)
  const isLong = atMs - newestMs >= Math.max(LEAST_STALL_MS, 2000 * targetDurationSec)
  const unended = isLong ? 'still' : 'moving'
  return { kind: isEnded ? 'ended' : unended, newestMs, targetDurationSec }
}

function turnOf(before: Movement | undefined, { kind }: Movement): FlowStep['turned'] {
  const wasStill = before?.kind === 'still'
  if (wasStill === (kind === 'still')) return null
  return wasStill ? 'moving' : 'still'
}

/** Whether a rendition stands still. */
export function isStill({ movements }: Flow, sides: Sides): boolean {
  return movements[sides]?.kind === 'still'
}

/** The flow of these renditions alone. */
export function narrowed(flow: Flow, sides: readonly Sides[]): Flow {
  const movements = Object.fromEntries(Object.entries(flow.movements).filter(([name]) => sides.some((s) => s === name)))
  return { ...flow, movements }
}

/** The longest that a rendition takes from one segment to the next, in ms; 0 where its playlist was never seen. */
export function stepMs({ movements }: Flow, sides: Sides): number {
  return (movements[sides]?.targetDurationSec ?? 0) * 1000
}

/** Whether a rendition has brought nothing new for two target durations, or never did. */
export function isSpent(flow: Flow, sides: Sides, nowMs: number): boolean {
  const movement = flow.movements[sides]
  return movement === undefined || nowMs - movement.newestMs >= 2 * stepMs(flow, sides)
}
