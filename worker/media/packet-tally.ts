import { type FfprobePacket, type FfprobeStream, readHeaderDurationSec } from './ffprobe-output.ts'

/** Totals of a track's packets, without those that players must discard. */
export type TrackTotals = {
  readonly packets: number
  /** Sum of the packets' durations. */
  readonly durationSec: number
  /** The packet that ends last has no duration of its own. */
  readonly isEndOpen: boolean
  /** Infinite where no packet has a time. */
  readonly firstSec: number
  readonly lastSec: number
  /** Start of the packet that begins last. */
  readonly lastStartSec: number
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

/** Creates an empty tally for the tracks of a file. `toSteadyClock` maps packets to one continuous clock. */
export function createPacketTally(
  streams: readonly FfprobeStream[],
  toSteadyClock: (packet: FfprobePacket) => FfprobePacket = (packet) => packet,
): PacketTally {
  const pictures = new Set(streams.filter(({ codec_type }) => codec_type === 'video').map(({ index }) => index))
  const tracks = new Map<number, MutableTrackTotals>()
  return {
    add(packet) {
      const {
        stream_index: index,
        pts_time: pts,
        dts_time: dts,
        duration_time: durationSec = 0,
        flags,
      } = toSteadyClock(packet)
      const isPicture = pictures.has(index)
      const track = tracks.get(index) ?? createTotals()
      tracks.set(index, track)
      advanceClock(track, dts ?? pts ?? track.clockSec)
      if (flags.includes('D')) return
      track.packets += 1
      track.durationSec += durationSec
      advanceEnd(track, pts ?? dts ?? -Infinity, durationSec)
      if (pts === undefined) return
      track.firstSec = Math.min(track.firstSec, pts)
      if (isPicture) track.times.push(pts)
    },
    totalsOf: (index) => tracks.get(index) ?? createTotals(),
  }
}

function createTotals(): MutableTrackTotals {
  return {
    packets: 0,
    durationSec: 0,
    isEndOpen: false,
    firstSec: Infinity,
    lastSec: -Infinity,
    lastStartSec: -Infinity,
    times: [],
    longestGap: { sec: 0, endSec: 0 },
    clockSec: Infinity,
  }
}

function advanceEnd(track: MutableTrackTotals, sec: number, durationSec: number): void {
  if (sec + durationSec >= track.lastSec) track.isEndOpen = durationSec === 0
  track.lastStartSec = Math.max(track.lastStartSec, sec)
  track.lastSec = Math.max(track.lastSec, sec + durationSec)
}

function advanceClock(track: MutableTrackTotals, sec: number): void {
  if (sec - track.clockSec > track.longestGap.sec) track.longestGap = { sec: sec - track.clockSec, endSec: sec }
  track.clockSec = sec
}

/** The start and the duration of a track on the file's clock. */
export type ProbedTrackExtent = { readonly startSec: number; readonly durationSec: number }

/** Headers round durations, and may end within the last packet of a track. */
const HEADER_TOLERANCE_SEC = 0.1

/**
 * Returns a track's extent: that of its header where its packets confirm it, since it is more exact, else that of its
 * packets. A picture may be held at the end for as long as it was before.
 */
export function measureTrackExtent(stream: FfprobeStream, totals: TrackTotals): ProbedTrackExtent {
  const header = readHeaderExtent(stream)
  const packets = toPacketExtent(stream, totals)
  if (header === null || totals.packets === 0) return header ?? packets
  const startSec = header.startSec - packets.startSec < MAX_PRIMING_SEC ? header.startSec : packets.startSec
  const endSec = startSec + header.durationSec
  const isHeld = stream.codec_type === 'video' || totals.isEndOpen
  const heldSec = isHeld ? totals.longestGap.sec : 0
  // The duration of a last packet is often a guess.
  const isTooShort = totals.lastStartSec > endSec + HEADER_TOLERANCE_SEC
  const isTooLong = endSec > packets.startSec + packets.durationSec + HEADER_TOLERANCE_SEC + heldSec
  return isTooShort || isTooLong ? packets : { ...header, startSec }
}

/** Longest time by which a track begins after its first packet: with an encoder's priming samples, which players skip. */
const MAX_PRIMING_SEC = 0.25

/** Returns a track's extent by its header; `null` where it has none. */
export function readHeaderExtent(stream: FfprobeStream): ProbedTrackExtent | null {
  const durationSec = readHeaderDurationSec(stream)
  return durationSec === null || durationSec <= 0 ? null : { startSec: stream.start_time ?? 0, durationSec }
}

function toPacketExtent(stream: FfprobeStream, { firstSec, lastSec, durationSec }: TrackTotals): ProbedTrackExtent {
  if (firstSec === Infinity) return { startSec: stream.start_time ?? 0, durationSec }
  const headerSec = stream.start_time ?? firstSec
  const startSec = headerSec - firstSec < MAX_PRIMING_SEC ? Math.max(headerSec, firstSec) : firstSec
  return { startSec, durationSec: Math.max(lastSec - startSec, 0) }
}
