/** A picture or sound format as a decoder must know it. It changes within a track at splices and restarts. */
export type TrackFormat = {
  /** Name of the codec for messages, such as `h264`, or the sample entry's type. */
  readonly codec: string
  /** Equal where one decoder can go on: same codec, stream identifier and parameters. */
  readonly key: string
  /** Codec identifier and configuration in Matroska (RFC 9559 §27.1); `null` where there is no decoder. */
  readonly matroska: { readonly codecId: string; readonly configuration: Buffer | null } | null
  /** Size of the picture; 0 of sound, or where it is unknown. */
  readonly width: number
  readonly height: number
  /** Of sound; 0 of a picture, or where it is unknown. */
  readonly sampleRate: number
  readonly channels: number
  /** Bits per sample of sound without compression; 0 of any other. */
  readonly bitDepth: number
}

/** One access unit of a track. */
export type MediaPacket = {
  /** Presentation time in seconds, on a clock that neither wraps nor jumps within its segment. */
  readonly sec: number
  /** A decoder can begin with it. */
  readonly isKey: boolean
  /** It is a key whose followers need nothing before it (IDR), so that a decoder may also skip to it. */
  readonly isIndependent: boolean
  readonly bytes: Buffer
  readonly format: TrackFormat
}

/** The packets of a track in decoding order. `isDeclared`: the container names the track, even if it has no packets. */
export type DemuxedTrack = { readonly packets: readonly MediaPacket[]; readonly isDeclared: boolean }

/** A segment's first picture and first sound. `isCut`: its last unit is incomplete. */
export type DemuxedSegment = {
  readonly picture: DemuxedTrack
  readonly sound: DemuxedTrack
  readonly isCut: boolean
}

const NO_SIZE = { width: 0, height: 0, sampleRate: 0, channels: 0, bitDepth: 0 } as const

/** Creates a format; fields that are left out are unknown. */
export function createFormat(
  fields: Pick<TrackFormat, 'codec' | 'key' | 'matroska'> & Partial<TrackFormat>,
): TrackFormat {
  return { ...NO_SIZE, ...fields }
}

/** Returns a configuration without a codec's private data, for codecs that carry it in their packets. */
export function inBand(codecId: string): NonNullable<TrackFormat['matroska']> {
  return { codecId, configuration: null }
}
