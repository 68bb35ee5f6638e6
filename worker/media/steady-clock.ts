import type { FfprobePacket } from './ffprobe-output.ts'

/** Demuxers of formats whose clock may be reset within a file: those with ffmpeg's `AVFMT_TS_DISCONT`. */
const RESETTABLE = ['mpegts', 'mpeg', 'ogg']

/** A longer jump counts as a reset clock, not as a gap (ffmpeg's `-dts_delta_threshold`). */
const MAX_JUMP_SEC = 10
/** A shorter step back is inaccuracy, not a reset. */
const MAX_BACK_SEC = 0.1

/** Returns whether a format's clock may be reset, so that its first and last time do not determine its duration. */
export function hasResettableClock(format: string): boolean {
  return RESETTABLE.includes(format)
}

/**
 * Creates a function that maps packets to one continuous clock, as ffmpeg does before decoding. Where the clock of a
 * track is reset, all tracks are shifted so that this track continues. Packets must come in file order; those of tracks
 * other than `tracks` are returned unchanged.
 */
export function createSteadyClock(format: string, tracks: readonly number[]): (packet: FfprobePacket) => FfprobePacket {
  const lastByTrack = new Map<number, { readonly sec: number; readonly endSec: number }>()
  let offsetSec = 0
  let lastSec: number | null = null
  if (!hasResettableClock(format)) return (packet) => packet

  /** Returns by how much the clock was reset before this packet, in seconds; 0 where it was not. */
  function measureReset(index: number, sec: number): number {
    const last = lastByTrack.get(index)
    const jumpSec = sec - (last?.endSec ?? lastSec ?? sec)
    const isBack = last !== undefined && sec + MAX_BACK_SEC < last.sec
    return isBack || Math.abs(jumpSec) > MAX_JUMP_SEC ? jumpSec : 0
  }

  return (packet) => {
    const { stream_index: index, pts_time: pts, dts_time: dts, duration_time: durationSec = 0 } = packet
    if (!tracks.includes(index)) return packet
    if (dts !== undefined) {
      offsetSec -= measureReset(index, dts + offsetSec)
      lastSec = dts + offsetSec
      lastByTrack.set(index, { sec: lastSec, endSec: lastSec + durationSec })
    }
    return { ...packet, pts_time: shift(pts, offsetSec), dts_time: shift(dts, offsetSec) }
  }
}

function shift(sec: number | undefined, bySec: number): number | undefined {
  return sec === undefined ? undefined : sec + bySec
}
