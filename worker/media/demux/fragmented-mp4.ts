/** Demultiplexes fragmented MP4 (ISO/IEC 14496-12 §8.8): an initialization section, and fragments with their data. */

import { findBoxBody, MAX_BOXES, parseBoxes, parseWholeBoxes, readTimescale, requireBoxBody } from '../mp4/boxes.ts'
import { readTrackFragment, type SampleDefaults, type TrackFragment } from '../mp4/track-fragment.ts'
import { type ClockPosition, createJumpFinder } from './clock-jumps.ts'
import { type PlacedFragment, placeFragments } from './fragment-data.ts'
import type { DemuxedSegment, DemuxedTrack, MediaPacket, TrackFormat } from './media-packet.ts'
import { readTrackFormat } from './mp4-format.ts'
import { MAX_SEGMENT_PACKETS } from './packet-limit.ts'

type Mp4Track = {
  readonly trackId: number
  readonly isPicture: boolean
  readonly timescale: number
  /** Media time that is presented at 0, in units of the timescale. */
  readonly startTime: number
  readonly format: TrackFormat
}

/** A track while its fragments are read. */
type OpenTrack = {
  readonly track: Mp4Track
  readonly packets: MediaPacket[]
  /** Decode time at which its fragments so far end, in units of its timescale. */
  endTime: number
  /** Its end on the segment's clock, in seconds; `null` before its first fragment. */
  position: ClockPosition | null
}

/** An outermost box; its body is `from` to `to`, as far as it is there. */
type TopBox = {
  readonly type: string
  readonly at: number
  readonly from: number
  readonly to: number
  readonly body: Buffer
  readonly isWhole: boolean
}

/** Boxes with which an MP4 file or segment may begin (ISO/IEC 14496-12). */
const FIRST_BOXES = new Set(['ftyp', 'styp', 'moof', 'moov', 'sidx', 'emsg', 'prft', 'mdat', 'free', 'skip'])

/** Returns whether bytes begin with one of the usual boxes of MP4, or with others that lead to one. */
export function isMp4(bytes: Buffer): boolean {
  for (const { type, isWhole } of readTopBoxes(bytes)) {
    if (FIRST_BOXES.has(type)) return true
    if (!isWhole || !/^[ -~]{4}$/.test(type)) return false
  }
  return false
}

/** Returns a buffer over the same bytes. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Returns whether a segment is MP4 whose tracks are described elsewhere, in an initialization section. */
export function needsMovie(bytes: Uint8Array): boolean {
  const buffer = toBuffer(bytes)
  if (!isMp4(buffer)) return false
  for (const { type } of readTopBoxes(buffer)) if (type === 'moov') return false
  return true
}

/** Returns whether an initialization section holds its moov box in full. */
export function hasMovie(init: Uint8Array): boolean {
  return findBoxBody(toBuffer(init), 'moov') !== null
}

/**
 * Demultiplexes a segment after its initialization section, if that is separate. A fragment that is cut keeps the
 * samples before the cut.
 * @throws RangeError where the initialization section is missing or damaged
 */
export function demuxFragmentedMp4(bytes: Buffer, init: Buffer | null): DemuxedSegment {
  const boxes = listTopBoxes(bytes)
  const moov = findMovie(boxes, init)
  const tracks = readTracks(moov)
  const picture = tracks.find(({ isPicture }) => isPicture)
  const sounds = tracks.filter(({ isPicture }) => !isPicture)
  const sound = sounds.find(({ format }) => format.matroska !== null) ?? sounds[0]
  const open = new Map(tracks.map((track): [number, OpenTrack] => [track.trackId, openTrack(track)]))
  const data = boxes.filter(({ type }) => type === 'mdat')
  const movie: OpenMovie = {
    bytes,
    data,
    defaults: readDefaults(moov),
    open,
    findShift: createJumpFinder(1),
    samplesLeft: MAX_SEGMENT_PACKETS,
  }
  const areWhole = boxes
    .filter(({ type, isWhole }) => type === 'moof' && isWhole)
    .map((moof) => addMovieFragment(moof, movie))
  const isCut = boxes.some(({ isWhole }) => !isWhole) || areWhole.includes(false)
  const toTrack = (track: Mp4Track | undefined): DemuxedTrack => {
    return { packets: open.get(track?.trackId ?? -1)?.packets ?? [], isDeclared: track !== undefined }
  }
  return { picture: toTrack(picture), sound: toTrack(sound), isCut }
}

function findMovie(boxes: readonly TopBox[], init: Buffer | null): Buffer {
  const own = boxes.find(({ type }) => type === 'moov')?.body
  const moov = own ?? (init === null ? null : findBoxBody(init, 'moov'))
  if (moov === null) throw new RangeError('has no initialization section')
  return moov
}

/**
 * Lists the outermost boxes.
 * @throws RangeError where there are too many
 */
function listTopBoxes(bytes: Buffer): readonly TopBox[] {
  const boxes: TopBox[] = []
  for (const box of readTopBoxes(bytes)) {
    if (boxes.push(box) > MAX_BOXES) throw new RangeError('has too many boxes')
  }
  return boxes
}

/** Reads the outermost boxes. The last one may be cut. */
function* readTopBoxes(bytes: Buffer): Generator<TopBox> {
  for (let at = 0; at + 8 <= bytes.length;) {
    const shortSize = bytes.readUInt32BE(at)
    const headerBytes = shortSize === 1 ? 16 : 8
    if (at + headerBytes > bytes.length) break
    const size = shortSize === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : shortSize || bytes.length - at
    if (size < headerBytes) break
    const type = bytes.toString('latin1', at + 4, at + 8)
    const [from, to] = [at + headerBytes, at + size]
    yield { type, at, from, to, body: bytes.subarray(from, to), isWhole: to <= bytes.length }
    at = to
  }
}

function readTracks(moov: Buffer): Mp4Track[] {
  const movieTimescale = readTimescale(requireBoxBody(moov, 'mvhd'))
  return parseWholeBoxes(moov)
    .filter(({ type }) => type === 'trak')
    .flatMap(({ body: trak }) => {
      const handler = requireBoxBody(trak, 'mdia', 'hdlr').toString('latin1', 8, 12)
      if (handler !== 'vide' && handler !== 'soun') return []
      const tkhd = requireBoxBody(trak, 'tkhd')
      const trackId = tkhd.readUInt32BE(tkhd.readUInt8(0) === 1 ? 20 : 12)
      const timescale = readTimescale(requireBoxBody(trak, 'mdia', 'mdhd'))
      const stsd = requireBoxBody(trak, 'mdia', 'minf', 'stbl', 'stsd')
      const isPicture = handler === 'vide'
      const format = readTrackFormat(stsd, trackId, isPicture)
      if (format === null || timescale === 0) return []
      const startTime = readStartTime(findBoxBody(trak, 'edts', 'elst'), timescale / (movieTimescale || 1))
      return [{ trackId, isPicture, timescale, startTime, format }]
    })
}

/** Reads each track's trex box (ISO/IEC 14496-12 §8.8.3). */
function readDefaults(moov: Buffer): Map<number, SampleDefaults> {
  const mvex = findBoxBody(moov, 'mvex')
  const trexes = mvex === null ? [] : parseWholeBoxes(mvex).filter(({ type }) => type === 'trex')
  return new Map(
    trexes.map(({ body }) => [
      body.readUInt32BE(4),
      { duration: body.readUInt32BE(12), size: body.readUInt32BE(16), flags: body.readUInt32BE(20) },
    ]),
  )
}

/** Returns the media time at which an edit list begins, less its empty edits (ISO/IEC 14496-12 §8.6.6). */
function readStartTime(elst: Buffer | null, mediaPerMovieTick: number): number {
  if (elst === null) return 0
  const isLong = elst.readUInt8(0) === 1
  const count = Math.min(elst.readUInt32BE(4), Math.floor((elst.length - 8) / (isLong ? 20 : 12)))
  let empty = 0
  for (let i = 0; i < count; i++) {
    const at = 8 + i * (isLong ? 20 : 12)
    const mediaTime = isLong ? Number(elst.readBigInt64BE(at + 8)) : elst.readInt32BE(at + 4)
    if (mediaTime >= 0) return mediaTime - empty
    empty += (isLong ? Number(elst.readBigUInt64BE(at)) : elst.readUInt32BE(at)) * mediaPerMovieTick
  }
  return -empty
}

type OpenMovie = {
  readonly bytes: Buffer
  /** The mdat boxes. */
  readonly data: readonly TopBox[]
  readonly defaults: ReadonlyMap<number, SampleDefaults>
  readonly open: ReadonlyMap<number, OpenTrack>
  readonly findShift: ReturnType<typeof createJumpFinder>
  /** Samples that the rest of the segment may have. */
  samplesLeft: number
}

function openTrack(track: Mp4Track): OpenTrack {
  return { track, packets: [], endTime: 0, position: null }
}

/** Adds the packets of a moof box to their tracks. Returns false if some of its data is missing. */
function addMovieFragment({ at: moofAt, body }: TopBox, movie: OpenMovie): boolean {
  const { data, open } = movie
  const fragments = parseBoxes(body)
    .filter(({ type }) => type === 'traf')
    .map(({ body: traf }) => {
      const fragment = readFragment(traf, movie)
      const track = open.get(fragment.trackId)
      if (track !== undefined) track.endTime = fragment.decodeTime + sumDurations(fragment)
      return fragment
    })
  const placed = placeFragments(fragments, moofAt, data)
  const areWhole = placed.map((fragment) => {
    const track = open.get(fragment.trackId)
    return track === undefined || addSamples(track, fragment, movie)
  })
  return !areWhole.includes(false)
}

function readFragment(traf: Buffer, movie: OpenMovie): TrackFragment {
  const trackId = requireBoxBody(traf, 'tfhd').readUInt32BE(4)
  const { defaults, open, samplesLeft } = movie
  const endBefore = open.get(trackId)?.endTime ?? 0
  const fragment = readTrackFragment(traf, defaults.get(trackId) ?? NO_DEFAULTS, endBefore, samplesLeft)
  movie.samplesLeft -= fragment.samples.length
  return fragment
}

const NO_DEFAULTS: SampleDefaults = { duration: 0, flags: 0 }

function sumDurations({ samples }: TrackFragment): number {
  return samples.reduce((sum, { duration }) => sum + duration, 0)
}

/** Adds the packets of a track fragment, up to the first whose data is missing. Returns false if one is. */
function addSamples(target: OpenTrack, fragment: PlacedFragment, { bytes, findShift }: OpenMovie): boolean {
  const { track, packets } = target
  let time = fragment.decodeTime - track.startTime
  const shift = findShift(time / track.timescale, target.position)
  const endSec = (time + sumDurations(fragment)) / track.timescale + shift
  target.position = { shift, last: endSec, due: endSec }
  for (const { from, samples } of fragment.runs) {
    let at = from
    for (const { size, duration, compositionOffset, isSync } of samples) {
      if (at < 0 || at + size > bytes.length) return false
      const sample = bytes.subarray(at, at + size)
      const sec = (time + compositionOffset) / track.timescale + shift
      packets.push({ sec, ...readKeys(track, sample, isSync), bytes: sample, format: track.format })
      at += size
      time += duration
    }
  }
  return true
}

/** Returns whether a decoder can begin with a sample. Of H.264 and H.265 the data decides: flags are often wrong. */
function readKeys(
  { format: { codec }, isPicture }: Mp4Track,
  sample: Buffer,
  isSync: boolean,
): Pick<MediaPacket, 'isKey' | 'isIndependent'> {
  if (!isPicture) return { isKey: true, isIndependent: true }
  if (codec !== 'h264' && codec !== 'hevc') return { isKey: isSync, isIndependent: isSync }
  const types = readUnitTypes(sample, codec)
  const isIndependent = types.some((type) => (codec === 'h264' ? type === 5 : type === 19 || type === 20))
  return { isKey: isSync || isIndependent, isIndependent }
}

const MAX_UNITS = 64

/** Returns the types of a sample's first NAL units, each behind its length of four bytes, as is usual. */
function readUnitTypes(sample: Buffer, codec: 'h264' | 'hevc'): number[] {
  const types: number[] = []
  for (let at = 0; at + 5 <= sample.length && types.length < MAX_UNITS; at += 4 + sample.readUInt32BE(at)) {
    const byte = sample.readUInt8(at + 4)
    types.push(codec === 'h264' ? byte & 0x1f : (byte >> 1) & 0x3f)
  }
  return types
}
