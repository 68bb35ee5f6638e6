import type { Packet } from './raw-media.ts'

/** Demuxers of formats whose clock may be set anew in the middle of a file: those with ffmpeg's `AVFMT_TS_DISCONT`. */
const RESETTABLE = ['mpegts', 'mpeg', 'ogg']

/** What is farther from where a track was is no gap for ffmpeg, but another clock (its `-dts_delta_threshold`). */
const MAX_JUMP_SEC = 10
/** Back by no more than this is untidiness. */
const MAX_BACK_SEC = 0.1

/** Whether the clock of a format may be set anew, so that its first and last time do not say how long it lasts. */
export function hasResettableClock(format: string): boolean {
  return RESETTABLE.includes(format)
}

/**
 * Puts the packets of a file onto one clock, as ffmpeg does before it decodes them: where the clock of a track is set
 * anew, that track goes on where it was, and so does every other, by the same difference. Packets are to come in the
 * order of the file; those of other tracks than `tracks` are left alone.
 */
export function createSteadyClock(format: string, tracks: readonly number[]): (packet: Packet) => Packet {
  const seen = new Map<number, { readonly sec: number; readonly endSec: number }>()
  let offsetSec = 0
  let lastSec: number | null = null
  if (!hasResettableClock(format)) return (packet) => packet

  /** By how much a packet is away from where its clock should be. */
  function straying(index: number, sec: number): number {
    const before = seen.get(index)
    const delta = sec - (before?.endSec ?? lastSec ?? sec)
    const isBack = before !== undefined && sec + MAX_BACK_SEC < before.sec
    return isBack || Math.abs(delta) > MAX_JUMP_SEC ? delta : 0
  }

  return (packet) => {
    const { stream_index: index, pts_time: pts, dts_time: dts, duration_time: durationSec = 0 } = packet
    if (!tracks.includes(index)) return packet
    if (dts !== undefined) {
      offsetSec -= straying(index, dts + offsetSec)
      lastSec = dts + offsetSec
      seen.set(index, { sec: lastSec, endSec: lastSec + durationSec })
    }
    return { ...packet, pts_time: shifted(pts, offsetSec), dts_time: shifted(dts, offsetSec) }
  }
}

function shifted(sec: number | undefined, bySec: number): number | undefined {
  return sec === undefined ? undefined : sec + bySec
}
