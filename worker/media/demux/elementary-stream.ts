import { splitAccessUnits } from './access-units.ts'
import { createFormat, inBand, type MediaPacket, type TrackFormat } from './media-packet.ts'
import { formatOfAccessUnit } from './picture-format.ts'
import type { ProgramStream } from './program-map.ts'
import { splitSoundFrames } from './sound-frames.ts'
import { TICKS_PER_SEC } from './transport-clock.ts'

/** The bytes of one stream, and the presentation time of what begins at or after a position, in ticks of 90 kHz. */
export type ElementaryStream = {
  readonly stream: ProgramStream
  readonly bytes: Buffer
  readonly marks: readonly TimeMark[]
}
export type TimeMark = { readonly at: number; readonly ticks: number }

/** Distance of pictures whose times are unknown. */
const UNKNOWN_STEP_SEC = 0.04

/** Splits a stream into packets. `before` is the format of the track before it, if known. */
export function splitElementaryStream(elementary: ElementaryStream, before: TrackFormat | null): MediaPacket[] {
  const { stream } = elementary
  switch (stream.kind) {
    case 'picture':
      return splitPicture(elementary, stream, before)
    case 'sound':
      return splitSound(elementary, stream)
    case 'other_picture':
    case 'other_sound':
      return splitByMarks(elementary, stream)
  }
}

type StreamOf<Kind extends ProgramStream['kind']> = Extract<ProgramStream, { readonly kind: Kind }>

function splitPicture(
  { bytes, marks }: ElementaryStream,
  stream: StreamOf<'picture'>,
  before: TrackFormat | null,
): MediaPacket[] {
  const units = splitAccessUnits(bytes, stream.codec)
  const secs = interpolate(assignMarks(units, marks))
  let format = before
  return units.map((unit, index) => {
    format = formatOfAccessUnit(stream, unit, format)
    const { isKey, isIndependent } = unit
    return { sec: secs[index] ?? 0, isKey, isIndependent, bytes: bytes.subarray(unit.from, unit.to), format }
  })
}

function splitSound({ bytes, marks }: ElementaryStream, { codec, pid }: StreamOf<'sound'>): MediaPacket[] {
  const frames = splitSoundFrames(bytes, codec, pid)
  const times = assignMarks(frames, marks)
  let nextSec = times.find((sec) => sec !== null) ?? 0
  return frames.map(({ from, to, samples, format }, index) => {
    const sec = times[index] ?? nextSec
    nextSec = sec + samples / format.sampleRate
    return { sec, isKey: true, isIndependent: true, bytes: bytes.subarray(from, to), format }
  })
}

/** Takes each stretch with a time of its own for one packet, as is usual for codecs that are not split here. */
function splitByMarks(
  { bytes, marks }: ElementaryStream,
  { codec, codecId, pid }: StreamOf<'other_picture' | 'other_sound'>,
): MediaPacket[] {
  const format = createFormat({ codec, key: `${codec}:${pid}`, matroska: codecId === null ? null : inBand(codecId) })
  return marks.map(({ at, ticks }, index) => ({
    sec: ticks / TICKS_PER_SEC,
    isKey: true,
    isIndependent: false,
    bytes: bytes.subarray(at, marks[index + 1]?.at ?? bytes.length),
    format,
  }))
}

/** Returns the time in seconds of the first unit that begins at or after each mark (ISO/IEC 13818-1 §2.4.3.7). */
function assignMarks(units: readonly { readonly from: number }[], marks: readonly TimeMark[]): (number | null)[] {
  let next = 0
  return units.map(({ from }) => {
    let mark: TimeMark | undefined
    for (; (marks[next]?.at ?? Infinity) <= from; next++) mark = marks[next]
    return mark === undefined ? null : mark.ticks / TICKS_PER_SEC
  })
}

/** Fills in the times between and around those that are known, at equal distances. */
function interpolate(times: readonly (number | null)[]): number[] {
  const known = times.flatMap((sec, index) => (sec === null ? [] : [{ sec, index }]))
  const step = medianStep(known)
  let segment = -1
  return times.map((sec, index) => {
    if (known[segment + 1]?.index === index) segment++
    if (sec !== null) return sec
    const [before, after] = [known[segment], known[segment + 1]]
    if (before === undefined) return (after?.sec ?? 0) - ((after?.index ?? 0) - index) * step
    if (after === undefined) return before.sec + (index - before.index) * step
    return before.sec + ((after.sec - before.sec) * (index - before.index)) / (after.index - before.index)
  })
}

/** Returns the usual distance of neighbouring units, by the times in presentation order. */
function medianStep(known: readonly { readonly sec: number; readonly index: number }[]): number {
  const perUnit = known
    .toSorted((a, b) => a.sec - b.sec)
    .flatMap(({ sec, index }, i, all) => {
      const next = all[i + 1]
      const units = next === undefined ? 0 : Math.abs(next.index - index)
      return next === undefined || units === 0 ? [] : [(next.sec - sec) / units]
    })
    .toSorted((a, b) => a - b)
  const median = perUnit[perUnit.length >> 1] ?? 0
  return median > 0 ? median : UNKNOWN_STEP_SEC
}
