import type { EncodedRung } from '../../../shared/contract/live.ts'

/** The name of a run within a broadcast. */
export type RunName = { readonly epoch: number; readonly run: number }

/** Returns the run of a segment. */
export function findRun<Run extends RunName>(runs: readonly Run[], of: RunName | undefined): Run | undefined {
  return runs.find(({ epoch, run }) => epoch === of?.epoch && run === of.run)
}

/** A rung of a run, and its tracks as far as they are known. */
export type RungTracks = {
  readonly name: string
  readonly tracks: Pick<EncodedRung, 'codecs' | 'width' | 'height'> | null
}

/** A time on the clock of a session, in ms. */
export type SessionMoment = { readonly session: string; readonly atMs: number }

/** A run of an encoder, and its begin or its end. */
export type RunBorder = SessionMoment & { readonly rungs: readonly RungTracks[] }

/** Timestamps are rounded to ms, and the duration of the last frame is estimated. */
const TOLERANCE_MS = 20

/**
 * Returns whether a run goes on where another one has ended. All runs of a session have one clock, so that players need no
 * discontinuity then (RFC 8216 §4.3.2.3): a worker that takes over continues the open segment of the one before.
 */
export function isContinuous(end: RunBorder, begin: RunBorder): boolean {
  return isSameMoment(end, begin) && haveSameTracks(end.rungs, begin.rungs)
}

/** Returns whether two times are the same one of the same session. */
export function isSameMoment(one: SessionMoment, other: SessionMoment): boolean {
  return one.session === other.session && Math.abs(one.atMs - other.atMs) <= TOLERANCE_MS
}

/** The time of a segment. */
type SegmentTime = { readonly programDateTime: Date; readonly durationSec: number }

/** Returns whether the time of a part is that of a segment's end. A session that comes later begins later. */
export function isAtEnd({ programDateTime, durationSec }: SegmentTime, partTime: string): boolean {
  return Math.abs(Date.parse(partTime) - (programDateTime.getTime() + durationSec * 1000)) <= TOLERANCE_MS
}

/** Returns the rungs of a run with their tracks. */
export function tracksOf(rungs: readonly EncodedRung[]): readonly RungTracks[] {
  return rungs.map((rung) => ({ name: rung.name, tracks: rung }))
}

/**
 * Returns whether two runs have the same rungs, with tracks of the same number, kind and size. What is not known of one of
 * them counts as the same.
 */
export function haveSameTracks(some: readonly RungTracks[], others: readonly RungTracks[]): boolean {
  return some.length === others.length && some.every((rung) => others.some((other) => isSameRung(rung, other)))
}

function isSameRung(one: RungTracks, other: RungTracks): boolean {
  if (one.name !== other.name) return false
  if (one.tracks === null || other.tracks === null) return true
  const isSameSize = one.tracks.width === other.tracks.width && one.tracks.height === other.tracks.height
  return isSameSize && kindsOf(one.tracks.codecs) === kindsOf(other.tracks.codecs)
}

/** Returns the kinds of tracks: `avc1,mp4a`. Another profile or level of a codec needs no discontinuity. */
function kindsOf(codecs: string): string {
  return codecs.replaceAll(/\.[^,]*/g, '')
}
