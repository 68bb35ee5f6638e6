/**
 * Demultiplexes a transport stream (ISO/IEC 13818-1) as ffmpeg does: it finds its step again after bytes that are no
 * packets, takes the first picture and the first sound of one program, and follows program maps that change.
 */

import { type ElementaryStream, splitElementaryStream, type TimeMark } from './elementary-stream.ts'
import type { DemuxedSegment, DemuxedTrack, MediaPacket, TrackFormat } from './media-packet.ts'
import { checkPacketCount } from './packet-limit.ts'
import { type ProgramStream, readProgramAssociation, readProgramMap } from './program-map.ts'
import { createProgramChoice, type Program, type ProgramChange, type ProgramChoice } from './programs.ts'
import { createTransportClock, type Timestamps } from './transport-clock.ts'
import { readTransportPackets, type StreamPacket } from './transport-packets.ts'

/** What the segments of a rendition leave for the next one, which may lack its tables and parameters. */
export type TransportContext = {
  readonly programs: readonly Program[]
  readonly picture: TrackFormat | null
}

const KINDS = ['picture', 'sound'] as const
type Kind = (typeof KINDS)[number]
type OpenStream = {
  readonly stream: ProgramStream
  readonly marks: TimeMark[]
  /** What was collected of it: the first `length` bytes. */
  bytes: Buffer
  length: number
  counter: number | null
  isStarted: boolean
  /** Length of the stream at the end of its PES packet, as far as that says. */
  dueLength: number
}

/**
 * Demultiplexes a segment. `before` comes from the segment before it.
 * @throws RangeError where a track has more packets than a segment can have
 */
export function demuxTransportStream(
  bytes: Buffer,
  before: TransportContext | null,
): DemuxedSegment & { readonly context: TransportContext } {
  const collector = createCollector(bytes, before?.programs ?? [])
  const { isCut } = readTransportPackets(bytes, collector.takePacket)
  const { parts, programs, streams, hasOpenUnit } = collector.finish()
  const picture = toTrack('picture', parts.picture, { streams, format: before?.picture ?? null })
  const sound = toTrack('sound', parts.sound, { streams, format: null })
  return {
    picture,
    sound,
    isCut: isCut || hasOpenUnit,
    context: { programs, picture: picture.packets.at(-1)?.format ?? null },
  }
}

function toTrack(
  kind: Kind,
  parts: readonly ElementaryStream[],
  { streams, format }: { readonly streams: readonly ProgramStream[]; readonly format: TrackFormat | null },
): DemuxedTrack {
  const packets: MediaPacket[] = []
  for (const part of parts) {
    for (const packet of splitElementaryStream(part, packets.at(-1)?.format ?? format)) {
      checkPacketCount(packets.push(packet))
    }
  }
  return { packets, isDeclared: chooseStream(streams, kind) !== null }
}

type Collected = {
  readonly parts: Readonly<Record<Kind, readonly ElementaryStream[]>>
  readonly programs: readonly Program[]
  /** Those of the program that is judged. */
  readonly streams: readonly ProgramStream[]
  /** A unit ends before its length. */
  readonly hasOpenUnit: boolean
}

function createCollector(bytes: Buffer, initial: readonly Program[]) {
  const parts: Record<Kind, ElementaryStream[]> = { picture: [], sound: [] }
  const open: Record<Kind, OpenStream | null> = { picture: null, sound: null }
  const choice = createProgramChoice(initial)
  const tables = createTableReader(choice)
  let clock = createTransportClock()

  function close(kind: Kind): void {
    const current = open[kind]
    open[kind] = null
    if (current === null || current.length === 0) return
    parts[kind].push({ stream: current.stream, bytes: collectedBytes(current), marks: current.marks })
  }

  function select(kind: Kind, isOther: boolean): void {
    const current = open[kind]?.stream ?? null
    const isKept = current !== null && choice.streams().some((stream) => isSame(stream, current))
    const chosen = chooseStream(choice.streams(), kind)
    if (isKept || (chosen === null && !isOther)) return
    close(kind)
    open[kind] = chosen === null ? null : openStream(chosen)
  }

  /** Forgets what was collected of another program than the one that is judged. */
  function drop(): void {
    for (const kind of KINDS) [open[kind], parts[kind].length] = [null, 0]
    clock = createTransportClock()
  }

  function takeTable(packet: StreamPacket): void {
    const change = tables.take(packet, bytes)
    if (change === null) return
    if (change === 'late') drop()
    for (const kind of KINDS) select(kind, change !== 'none')
  }

  for (const kind of KINDS) select(kind, false)
  return {
    takePacket(packet: StreamPacket): void {
      const { pid, isStart } = packet
      if (tables.has(pid)) return takeTable(packet)
      const kind = open.picture?.stream.pid === pid ? 'picture' : 'sound'
      const current = open[kind]
      if (current?.stream.pid !== pid || isUseless(current, packet)) return
      if (isStart) startUnit(current, bytes, packet, (stored) => clock.place(kind, stored))
      else if (current.isStarted) append(current, bytes, packet.from, packet.to)
    },
    finish(): Collected {
      const hasOpenUnit = Object.values(open).some((current) => current !== null && current.length < current.dueLength)
      for (const kind of KINDS) close(kind)
      return { parts, programs: choice.programs(), streams: choice.streams(), hasOpenUnit }
    },
  }
}

/** Reads the tables of a segment into the choice of its program. */
function createTableReader(choice: ProgramChoice) {
  const mapPids = new Set<number>()
  const sections = new Map<number, Buffer>()
  return {
    has: (pid: number) => pid === 0 || mapPids.has(pid),
    /** Takes a packet of a table. Returns what a map that it completes has changed; `null` where it completes none. */
    take(packet: StreamPacket, bytes: Buffer): ProgramChange | null {
      const section = collectSection(sections, packet, bytes)
      if (section === null) return null
      if (packet.pid === 0) {
        const listed = readProgramAssociation(section)
        for (const { mapPid } of listed) mapPids.add(mapPid)
        choice.takeAssociation(listed)
        return null
      }
      const map = readProgramMap(section)
      return map === null || map.streams.length === 0 ? null : choice.takeMap(map)
    },
  }
}

function isSame(a: ProgramStream, b: ProgramStream): boolean {
  return a.pid === b.pid && a.codec === b.codec
}

/** Returns the first stream of a kind that has a decoder, or else the first one. */
function chooseStream(streams: readonly ProgramStream[], kind: Kind): ProgramStream | null {
  const known = streams.find((stream) => stream.kind === kind)
  return known ?? streams.find((stream) => stream.kind === `other_${kind}`) ?? null
}

/** Bytes that a stream has room for at first; a picture of the usual size needs some doublings. */
const FIRST_BYTES = 64 * 1024

function openStream(stream: ProgramStream): OpenStream {
  const bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  return { stream, bytes, marks: [], length: 0, counter: null, isStarted: false, dueLength: 0 }
}

/** Appends a range of the segment. Collecting thousands of payloads to join them later would cost four times as much. */
function append(current: OpenStream, segment: Buffer, from: number, to: number): void {
  const length = current.length + to - from
  if (length > current.bytes.length) {
    // The rest of the segment bounds what is still to come.
    const room = Math.min(2 * current.bytes.length, current.length + segment.length - from)
    const larger = Buffer.allocUnsafeSlow(Math.max(room, length))
    current.bytes.copy(larger, 0, 0, current.length)
    current.bytes = larger
  }
  segment.copy(current.bytes, current.length, from, to)
  current.length = length
}

/** Returns what was collected. A part that leaves most of its room unused is copied: a segment may have many of them. */
function collectedBytes({ bytes, length }: OpenStream): Buffer {
  const collected = bytes.subarray(0, length)
  return 2 * length < bytes.length ? Buffer.from(collected) : collected
}

/** Reports whether a packet is encrypted, or repeats the one before it, which is allowed (ISO/IEC 13818-1 §2.4.3.3). */
function isUseless(current: OpenStream, { counter, isStart, isScrambled }: StreamPacket): boolean {
  const isRepeated = counter !== null && counter === current.counter && !isStart
  current.counter = counter ?? current.counter
  return isScrambled || isRepeated
}

/** Takes the first packet of a PES packet (ISO/IEC 13818-1 §2.4.3.6): its timestamps, and what follows its header. */
function startUnit(
  current: OpenStream,
  segment: Buffer,
  { from, to }: StreamPacket,
  place: (stored: Timestamps) => Timestamps,
): void {
  const payload = segment.subarray(from, to)
  const isPes = payload.length >= 9 && payload.readUIntBE(0, 3) === 1
  current.isStarted = isPes
  if (!isPes) return
  const timestamps = readTimestamps(payload)
  if (timestamps !== null) current.marks.push({ at: current.length, ticks: place(timestamps).pts })
  const headerBytes = 9 + payload.readUInt8(8)
  const unitBytes = payload.readUInt16BE(4)
  // Of pictures the length is usually left out.
  current.dueLength = unitBytes === 0 ? 0 : current.length + 6 + unitBytes - headerBytes
  append(current, segment, Math.min(from + headerBytes, to), to)
}

function readTimestamps(payload: Buffer): Timestamps | null {
  const flags = payload.readUInt8(7) >> 6
  if (flags < 2 || payload.length < (flags === 3 ? 19 : 14)) return null
  const pts = readTimestamp(payload, 9)
  return { pts, dts: flags === 3 ? readTimestamp(payload, 14) : pts }
}

/** Reads 33 bits with marker bits between them. */
function readTimestamp(bytes: Buffer, at: number): number {
  const high = (bytes.readUInt8(at) >> 1) & 7
  return high * 2 ** 30 + (bytes.readUInt16BE(at + 1) >> 1) * 2 ** 15 + (bytes.readUInt16BE(at + 3) >> 1)
}

const MAX_SECTION_BYTES = 1024

/** Collects a section that may exceed a packet. Returns it once it is complete, without its checksum. */
function collectSection(
  sections: Map<number, Buffer>,
  { pid, isStart, from, to }: StreamPacket,
  segment: Buffer,
): Buffer | null {
  const payload = segment.subarray(from, to)
  const before = isStart ? Buffer.alloc(0) : sections.get(pid)
  if (before === undefined) return null
  const section = Buffer.concat([before, isStart ? payload.subarray(1 + (payload[0] ?? 0)) : payload])
  const length = section.length < 3 ? Infinity : 3 + (section.readUInt16BE(1) & 0xfff)
  if (section.length >= length) {
    sections.delete(pid)
    return length < 12 ? null : section.subarray(0, length - 4)
  }
  if (section.length <= MAX_SECTION_BYTES) sections.set(pid, section)
  else sections.delete(pid)
  return null
}
