/**
 * The common time of the tracks of a session. Each track of RTP has a clock of its own. A track begins when its first packet
 * arrives; sender reports say how far that is from the other track's time, and the picture then follows the sound in small
 * steps, so that no frame jumps.
 */

import type { SenderReport } from './rtcp.ts'

/** A track of a session. */
export type ClockedTrack = 'audio' | 'video'

export type MediaClock = {
  /** Returns the session's time of a timestamp, in ms from 0 on. `nowMs` is when it arrived. */
  place(track: ClockedTrack, timestamp: number, nowMs: number): number
  /** Takes a sender report of a track. */
  report(track: ClockedTrack, report: Pick<SenderReport, 'ntpMs' | 'rtpTimestamp'>): void
}

/** Ticks a second of the tracks (RFC 7587 §4.1, RFC 6184 §8.2.1, RFC 7741 §6.1). */
const CLOCK_RATE: Readonly<Record<ClockedTrack, number>> = { audio: 48_000, video: 90_000 }
/** The most that a frame is moved against the one before it, in ms. */
const STEP_MS = 2
/** A larger difference of the tracks is a mistake of the sender. */
const MAX_DIFFERENCE_MS = 5000

type TrackClock = {
  lastTimestamp: number
  /** Ticks since the first timestamp, over wraps. */
  ticks: number
  /** The session's time of tick 0. */
  readonly beginMs: number
  /** The sender's time of day less the session's time. */
  senderOffsetMs: number | null
}

/** Creates the clock of a session that begins at `startMs`. */
export function createMediaClock(startMs: number): MediaClock {
  const tracks = new Map<ClockedTrack, TrackClock>()
  let shiftMs = 0

  /** Returns how far the picture is to be moved so that it is in step with the sound. */
  function findWantedShift(): number {
    const audio = tracks.get('audio')?.senderOffsetMs ?? null
    const video = tracks.get('video')?.senderOffsetMs ?? null
    if (audio === null || video === null) return shiftMs
    const difference = video - audio
    return Math.abs(difference) > MAX_DIFFERENCE_MS ? shiftMs : difference
  }

  return {
    place(name, timestamp, nowMs) {
      const track = tracks.get(name) ?? beginTrack(timestamp, nowMs - startMs)
      tracks.set(name, track)
      track.ticks += (timestamp - track.lastTimestamp) | 0
      track.lastTimestamp = timestamp
      if (name === 'video') shiftMs += Math.max(-STEP_MS, Math.min(STEP_MS, findWantedShift() - shiftMs))
      const placedMs = toTime(name, track, track.ticks) + (name === 'video' ? shiftMs : 0)
      return Math.max(0, Math.round(placedMs))
    },
    report(name, { ntpMs, rtpTimestamp }) {
      const track = tracks.get(name)
      if (track === undefined) return
      const ticks = track.ticks + ((rtpTimestamp - track.lastTimestamp) | 0)
      track.senderOffsetMs = ntpMs - toTime(name, track, ticks)
    },
  }
}

function beginTrack(timestamp: number, beginMs: number): TrackClock {
  return { lastTimestamp: timestamp, ticks: 0, beginMs, senderOffsetMs: null }
}

function toTime(name: ClockedTrack, { beginMs }: TrackClock, ticks: number): number {
  return beginMs + (ticks * 1000) / CLOCK_RATE[name]
}
