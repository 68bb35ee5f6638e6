import * as v from 'valibot'

import type { MonitorEvent } from '../../../shared/contract/monitors.ts'
import type { TrackSelection } from '../stream.ts'
import { createEvent, secondsBetween } from './monitor-event.ts'

/** A lasting trouble in which the monitor still watches, by a stable word for its cause. */
export const Degradation = v.object({
  cause: v.picklist(['encrypted', 'rendition_gone']),
  sinceMs: v.number(),
  /** The renditions that it concerns, by their tracks. */
  tracks: v.optional(v.pipe(v.array(v.picklist(['both', 'picture', 'sound'])), v.readonly()), ['both']),
})
export type Degradation = Readonly<v.InferOutput<typeof Degradation>>

export type DegradationTransition = {
  readonly degradations: readonly Degradation[]
  readonly events: readonly MonitorEvent[]
}

type DegradationCause = {
  readonly cause: Degradation['cause']
  readonly message: string
  readonly tracks?: TrackSelection
}

/** Returns the degradations with that of a cause in a rendition. The first one is a `monitor.degraded`. */
export function degrade(
  before: readonly Degradation[],
  { cause, message, tracks = 'both' }: DegradationCause,
  atMs: number,
): DegradationTransition {
  const known = before.find((each) => each.cause === cause)
  if (known !== undefined) return { degradations: addTracks(before, known, tracks), events: [] }
  return {
    degradations: [...before, { cause, sinceMs: atMs, tracks: [tracks] }],
    events: [createEvent(atMs, 'monitor.degraded', { cause, message })],
  }
}

function addTracks(before: readonly Degradation[], known: Degradation, tracks: TrackSelection): readonly Degradation[] {
  if (known.tracks.includes(tracks)) return before
  return replaceTracks(before, known, [...known.tracks, tracks])
}

function replaceTracks(
  before: readonly Degradation[],
  known: Degradation,
  tracks: readonly TrackSelection[],
): readonly Degradation[] {
  return before.map((each) => (each === known ? { ...known, tracks } : each))
}

/** Returns the degradations after a segment of a rendition could be read. The last one is a `monitor.restored`. */
export function restoreTracks(
  before: readonly Degradation[],
  tracks: TrackSelection,
  atMs: number,
): DegradationTransition {
  return limitTracks(before, (each) => each !== tracks, atMs)
}

/** Returns the degradations after a change to other renditions: an encrypted one passes to those of its tracks. */
export function degradationsOfRenditions(
  before: readonly Degradation[],
  renditions: readonly TrackSelection[],
  atMs: number,
): DegradationTransition {
  const encrypted = before.find(({ cause }) => cause === 'encrypted')
  if (encrypted === undefined || renditions.length === 0) return { degradations: before, events: [] }
  const isEncrypted = (tracks: TrackSelection) =>
    encrypted.tracks.some((each) => each === tracks || each === 'both' || tracks === 'both')
  const passed = replaceTracks(before, encrypted, renditions.filter(isEncrypted))
  return limitTracks(passed, () => true, atMs)
}

/** Returns the degradations with the encrypted renditions that still are. */
function limitTracks(
  before: readonly Degradation[],
  isEncrypted: (tracks: TrackSelection) => boolean,
  atMs: number,
): DegradationTransition {
  const encrypted = before.find(({ cause }) => cause === 'encrypted')
  if (encrypted === undefined) return { degradations: before, events: [] }
  const tracks = encrypted.tracks.filter(isEncrypted)
  if (tracks.length === 0) return restore(before, 'encrypted', atMs)
  return { degradations: replaceTracks(before, encrypted, tracks), events: [] }
}

/** Returns the degradations without that of a cause, whose end is one `monitor.restored`. */
export function restore(
  before: readonly Degradation[],
  cause: Degradation['cause'],
  atMs: number,
): DegradationTransition {
  const ended = before.find((each) => each.cause === cause)
  if (ended === undefined) return { degradations: before, events: [] }
  const data = { cause, duration_sec: secondsBetween(ended.sinceMs, atMs) }
  return {
    degradations: before.filter((each) => each !== ended),
    events: [createEvent(atMs, 'monitor.restored', data)],
  }
}
