import * as v from 'valibot'

import type { MonitorEvent } from '../../../shared/contract/monitors.ts'
import type { TrackSelection } from '../stream.ts'
import { createEvent, formatTime, secondsBetween } from './monitor-event.ts'

/** How one rendition's playlist moves; `newestMs` is the time of the fetch that brought its last new segment. */
const PlaylistMovement = v.object({
  kind: v.picklist(['moving', 'still', 'ended']),
  newestMs: v.number(),
  targetDurationSec: v.number(),
})
type PlaylistMovement = Readonly<v.InferOutput<typeof PlaylistMovement>>

/**
 * Whether new segments arrive. The stream is suspended from the first rendition's stall until all renditions move
 * again; `suspendedFromMs` is the time of the last new segment before the stall.
 */
export const StallState = v.object({
  suspendedFromMs: v.nullable(v.number()),
  movements: v.pipe(
    v.partial(v.object({ both: PlaylistMovement, picture: PlaylistMovement, sound: PlaylistMovement })),
    v.readonly(),
  ),
})
export type StallState = Readonly<v.InferOutput<typeof StallState>>

export const INITIAL_STALL_STATE: StallState = { suspendedFromMs: null, movements: {} }

/** A fetched playlist, reduced to its movement. */
type PlaylistUpdate = {
  readonly tracks: TrackSelection
  readonly targetDurationSec: number
  readonly hasNew: boolean
  /** It has EXT-X-ENDLIST. */
  readonly isEnded: boolean
  readonly atMs: number
}

/** `isInterrupted`: the rendition has stalled, or moves again after a stall. */
export type StallTransition = {
  readonly stall: StallState
  readonly isInterrupted: boolean
  readonly events: readonly MonitorEvent[]
}

/** Shortest time without a new segment that is a stall. */
const MIN_STALL_MS = 10_000

/**
 * Returns the stall state after a fetched playlist. A playlist stalls once it has had nothing new for two target
 * durations. Nothing is suspended once any playlist has ended: the others may lack their EXT-X-ENDLIST.
 */
export function stallAfterPlaylist(before: StallState, update: PlaylistUpdate): StallTransition {
  const { tracks, hasNew, atMs } = update
  const { suspendedFromMs } = before
  const movement = movementAfterPlaylist(before.movements[tracks], update)
  const movements = { ...before.movements, [tracks]: movement }
  const isAny = (kind: PlaylistMovement['kind']) => Object.values(movements).some((each) => each?.kind === kind)
  const isInterrupted = isStalled(before, tracks) !== (movement.kind === 'still')
  if (suspendedFromMs === null && movement.kind === 'still' && !isAny('ended')) {
    const { newestMs } = movement
    const data = { last_segment_at: formatTime(newestMs), stalled_sec: secondsBetween(newestMs, atMs) }
    const events = [createEvent(atMs, 'stream.suspended', data)]
    return { stall: { movements, suspendedFromMs: newestMs }, isInterrupted, events }
  }
  if (suspendedFromMs !== null && hasNew && !isAny('still')) {
    const events = [createEvent(atMs, 'stream.resumed', { suspended_sec: secondsBetween(suspendedFromMs, atMs) })]
    return { stall: { movements, suspendedFromMs: null }, isInterrupted, events }
  }
  return { stall: { movements, suspendedFromMs }, isInterrupted, events: [] }
}

function movementAfterPlaylist(before: PlaylistMovement | undefined, update: PlaylistUpdate): PlaylistMovement {
  const { targetDurationSec, hasNew, isEnded, atMs } = update
  const newestMs = hasNew ? atMs : (before?.newestMs ?? atMs)
  const isLong = atMs - newestMs >= stallAfterMs(targetDurationSec)
  const unended = isLong ? 'still' : 'moving'
  return { kind: isEnded ? 'ended' : unended, newestMs, targetDurationSec }
}

/** Returns the time without a new segment after which a playlist has stalled, in ms. */
export function stallAfterMs(targetDurationSec: number): number {
  return Math.max(MIN_STALL_MS, 2000 * targetDurationSec)
}

/** Reports whether a rendition has stalled. */
export function isStalled({ movements }: StallState, tracks: TrackSelection): boolean {
  return movements[tracks]?.kind === 'still'
}

/** Returns the stall state without the movements of other renditions. */
export function retainRenditions(stall: StallState, renditions: readonly TrackSelection[]): StallState {
  const retained = Object.entries(stall.movements).filter(([name]) => renditions.some((tracks) => tracks === name))
  return { ...stall, movements: Object.fromEntries(retained) }
}

/** Returns the target duration of a rendition in ms, the longest time between segments; 0 before its first playlist. */
export function targetDurationMs({ movements }: StallState, tracks: TrackSelection): number {
  return (movements[tracks]?.targetDurationSec ?? 0) * 1000
}

/** Reports whether a rendition has had nothing new for two target durations, or has never been fetched. */
export function isExhausted(stall: StallState, tracks: TrackSelection, nowMs: number): boolean {
  const movement = stall.movements[tracks]
  return movement === undefined || nowMs - movement.newestMs >= 2 * targetDurationMs(stall, tracks)
}
