import { type FfprobePacket, type FfprobeStream, readHeaderDurationSec } from './ffprobe-output.ts'

/** Totals of a track's packets, without those of a picture that players must discard. */
export type TrackTotals = {
  readonly packets: number
  /** Sum of the packets' durations. */
  readonly durationSec: number
  /** Infinite where no packet has a time. */
  readonly firstSec: number
  readonly lastSec: number
  /** Presentation times of a picture's frames, where known. */
  readonly times: readonly number[]
  /** Longest time between two consecutive packets; `endSec` is the time of the second. */
  readonly longestGap: { readonly sec: number; readonly endSec: number }
}

type MutableTrackTotals = Omit<{ -readonly [Field in keyof TrackTotals]: TrackTotals[Field] }, 'times'> & {
  readonly times: number[]
  /** Decoding time of the last packet, or its presentation time. */
  clockSec: number
}

/** Adds up packets one by one, without keeping them: a long recording has millions. */
export type PacketTally = {
  add(packet: FfprobePacket): void
  /** Returns the totals of the track with this index. */
  totalsOf(index: number): TrackTotals
}

/** Creates an empty tally for the tracks of a file. */
export function createPacketTally(streams: readonly FfprobeStream[]): PacketTally {
  const pictures = new Set(streams.filter(({ codec_type }) => codec_type === 'video').map(({ index }) => index))
  const tracks = new Map<number, MutableTrackTotals>()
  return {
    add({ stream_index: index, pts_time: pts, dts_time: dts, duration_time: durationSec = 0, flags }) {
      const isPicture = pictures.has(index)
      const track = tracks.get(index) ?? createTotals()
      tracks.set(index, track)
      advanceClock(track, dts ?? pts ?? track.clockSec)
      if (isPicture && flags.includes('D')) return
      track.packets += 1
      track.durationSec += durationSec
      if (pts === undefined) return
      track.firstSec = Math.min(track.firstSec, pts)
      track.lastSec = Math.max(track.lastSec, pts + durationSec)
      if (isPicture) track.times.push(pts)
    },
    totalsOf: (index) => tracks.get(index) ?? createTotals(),
  }
}

function createTotals(): MutableTrackTotals {
  return {
    packets: 0,
    durationSec: 0,
    firstSec: Infinity,
    lastSec: -Infinity,
    times: [],
    longestGap: { sec: 0, endSec: 0 },
    clockSec: Infinity,
  }
}

function advanceClock(track: MutableTrackTotals, sec: number): void {
  if (sec - track.clockSec > track.longestGap.sec) track.longestGap = { sec: sec - track.clockSec, endSec: sec }
  track.clockSec = sec
}

/** The start and the duration of a track on the file's clock. */
export type ProbedTrackExtent = { readonly startSec: number; readonly durationSec: number }

/** Returns a track's extent from its header or, without one, from all its packets. */
export function measureTrackExtent(stream: FfprobeStream, totals: TrackTotals): ProbedTrackExtent {
  const { firstSec, lastSec, durationSec } = totals
  const headerSec = readHeaderDurationSec(stream)
  if (headerSec !== null && headerSec > 0) return { startSec: stream.start_time ?? 0, durationSec: headerSec }
  if (firstSec === Infinity) return { startSec: stream.start_time ?? 0, durationSec }
  // Packets before the start are the encoder's priming samples, which players skip.
  const startSec = Math.max(firstSec, stream.start_time ?? firstSec)
  return { startSec, durationSec: Math.max(lastSec - startSec, 0) }
}
