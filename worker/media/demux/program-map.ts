import type { PictureCodec } from './access-units.ts'
import type { SoundCodec } from './sound-frames.ts'

/** An elementary stream of a program. `codec` names one that is not split into frames, or has no decoder. */
export type ProgramStream = { readonly pid: number } & (
  | { readonly kind: 'picture'; readonly codec: PictureCodec }
  | { readonly kind: 'sound'; readonly codec: SoundCodec }
  | { readonly kind: 'other_picture' | 'other_sound'; readonly codec: string; readonly codecId: string | null }
)

/** `ProgramStream` without its identifier. */
type StreamKind = ProgramStream extends infer S ? (S extends unknown ? Omit<S, 'pid'> : never) : never

const picture = (codec: PictureCodec): StreamKind => ({ kind: 'picture', codec })
const sound = (codec: SoundCodec): StreamKind => ({ kind: 'sound', codec })
const otherPicture = (codec: string, codecId: string | null = null): StreamKind => {
  return { kind: 'other_picture', codec, codecId }
}
const otherSound = (codec: string, codecId: string | null = null): StreamKind => {
  return { kind: 'other_sound', codec, codecId }
}

/** Stream types (ISO/IEC 13818-1 table 2-34; ATSC A/53; Apple's SAMPLE-AES streams). */
const STREAM_TYPES: ReadonlyMap<number, StreamKind> = new Map([
  [0x01, picture('mpeg2video')],
  [0x02, picture('mpeg2video')],
  [0x03, sound('mp3')],
  [0x04, sound('mp3')],
  [0x0f, sound('aac')],
  [0x10, otherPicture('mpeg4', 'V_MPEG4/ISO/ASP')],
  [0x11, sound('aac_latm')],
  [0x1b, picture('h264')],
  [0x24, picture('hevc')],
  [0x33, otherPicture('vvc')],
  [0x42, otherPicture('avs')],
  [0x81, sound('ac3')],
  [0x82, otherSound('dts', 'A_DTS')],
  [0x87, sound('ac3')],
  [0x8a, otherSound('dts', 'A_DTS')],
  [0xc1, otherSound('encrypted AC-3')],
  [0xc2, otherSound('encrypted E-AC-3')],
  [0xcf, otherSound('encrypted AAC')],
  [0xd2, otherPicture('avs2')],
  [0xdb, otherPicture('encrypted H.264')],
  [0xea, otherPicture('vc1')],
])

/** Descriptors (ETSI EN 300 468 §6.1) and registration identifiers that name the codec of private data. */
const DESCRIPTORS: ReadonlyMap<number, StreamKind> = new Map([
  [0x6a, sound('ac3')],
  [0x7a, sound('ac3')],
  [0x7b, otherSound('dts', 'A_DTS')],
  [0x7c, sound('aac')],
])
const REGISTRATIONS: ReadonlyMap<string, StreamKind> = new Map([
  ['AC-3', sound('ac3')],
  ['EAC3', sound('ac3')],
  ['AC-4', otherSound('ac-4')],
  ['DTS1', otherSound('dts', 'A_DTS')],
  ['DTS2', otherSound('dts', 'A_DTS')],
  ['DTS3', otherSound('dts', 'A_DTS')],
  ['BSSD', otherSound('s302m')],
  ['Opus', otherSound('opus')],
  ['HEVC', picture('hevc')],
  ['AV01', otherPicture('av1')],
])
const PRIVATE_DATA = 0x06
const REGISTRATION = 0x05
const EXTENSION = 0x7f
const AC4_EXTENSION = 0x15

/** A program of an association table, and the PID of its map. */
export type ListedProgram = { readonly number: number; readonly mapPid: number }

/** Returns the programs of a program association section (ISO/IEC 13818-1 §2.4.4.3). */
export function readProgramAssociation(section: Buffer): ListedProgram[] {
  if (section[0] !== 0x00) return []
  const programs: ListedProgram[] = []
  for (let at = 8; at + 4 <= section.length; at += 4) {
    const number = section.readUInt16BE(at)
    if (number !== 0) programs.push({ number, mapPid: section.readUInt16BE(at + 2) & 0x1fff })
  }
  return programs
}

/** Returns the number, the pictures and the sounds of a program map section (§2.4.4.8); `null` if it is none. */
export function readProgramMap(section: Buffer): { number: number; streams: ProgramStream[] } | null {
  if (section[0] !== 0x02 || section.length < 12) return null
  const streams: ProgramStream[] = []
  for (let at = 12 + (section.readUInt16BE(10) & 0xfff); at + 5 <= section.length;) {
    const length = section.readUInt16BE(at + 3) & 0xfff
    const descriptors = section.subarray(at + 5, at + 5 + length)
    const kind = identifyStream(section.readUInt8(at), descriptors)
    if (kind !== null) streams.push({ ...kind, pid: section.readUInt16BE(at + 1) & 0x1fff })
    at += 5 + length
  }
  return { number: section.readUInt16BE(3), streams }
}

function identifyStream(type: number, descriptors: Buffer): StreamKind | null {
  const byType = STREAM_TYPES.get(type)
  if (byType !== undefined) return byType
  if (type !== PRIVATE_DATA && type < 0x80) return null
  for (let at = 0; at + 2 <= descriptors.length; at += 2 + (descriptors[at + 1] ?? 0)) {
    const kind = identifyByDescriptor(descriptors[at] ?? 0, descriptors.subarray(at + 2))
    if (kind !== undefined) return kind
  }
  return null
}

function identifyByDescriptor(tag: number, content: Buffer): StreamKind | undefined {
  if (tag === REGISTRATION) return REGISTRATIONS.get(content.toString('latin1', 0, 4))
  if (tag === EXTENSION && content[0] === AC4_EXTENSION) return otherSound('ac-4')
  return DESCRIPTORS.get(tag)
}
