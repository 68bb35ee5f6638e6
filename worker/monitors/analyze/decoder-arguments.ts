import type { MatroskaTrack } from '../../media/matroska.ts'
import { createFormat, type TrackFormat } from '../../media/demux/media-packet.ts'
import type { TrackKind } from '../stream.ts'

/** Formats of the tracks that a decoder reads; `null` for a track that it does not. */
export type DecoderFormats = Readonly<Record<TrackKind, TrackFormat | null>>

/** DCI 4K. Larger pictures are refused before they are decoded. */
export const MAX_PIXELS = 4096 * 2304

/** Size of the small picture that a decoder writes for each frame: one byte of luminance per pixel. */
const SMALL_PICTURE = { width: 64, height: 36 } as const
export const SMALL_PICTURE_WIDTH = SMALL_PICTURE.width
export const SMALL_PICTURE_BYTES = SMALL_PICTURE.width * SMALL_PICTURE.height

/** Luminance below which blackframe counts a pixel: as blackdetect's `pix_th=0.10`, 16 + 0.1 * (235 - 16). */
const BLACK_BELOW = 38

/** One sample of a track that marks the end of a batch. Its frames are one byte long; those of the sound are longer. */
const MARKER: MatroskaTrack = {
  kind: 'sound',
  format: createFormat({
    codec: 'pcm_u8',
    key: 'marker',
    matroska: { codecId: 'A_PCM/INT/LIT', configuration: null },
    sampleRate: 8000,
    channels: 1,
    bitDepth: 8,
  }),
}

/** Returns the tracks of the stream that a decoder reads, in order; the marker is the last one. */
export function listDecoderTracks({ picture, sound }: DecoderFormats): MatroskaTrack[] {
  return [
    ...(picture === null ? [] : [{ kind: 'picture', format: picture } as const]),
    ...(sound === null ? [] : [{ kind: 'sound', format: sound } as const]),
    MARKER,
  ]
}

/**
 * Returns the arguments of an ffmpeg that decodes its standard input as long as that lasts, with one thread. It reads
 * Matroska only and knows the pipe protocol only, so that no stream makes it read a file or an address. Pipe 3 has one
 * line or two per frame and per marker, in order; pipe 4 the small pictures; pipe 5 the samples in 16 bits.
 */
export function buildDecoderArguments(formats: DecoderFormats): string[] {
  const tracks = listDecoderTracks(formats)
  const outputs = tracks.map((track, index) => [
    '-map',
    `0:${index}`,
    ...(track === MARKER ? MARKER_OUTPUT : track.kind === 'picture' ? PICTURE_OUTPUT : SOUND_OUTPUT),
  ])
  return [
    ['-nostdin', '-hide_banner', '-nostats', '-v', 'error', '-threads', '1', '-filter_threads', '1'],
    ['-max_pixels', String(MAX_PIXELS), '-probesize', '32', '-analyzeduration', '0', '-copyts'],
    ['-protocol_whitelist', 'pipe', '-f', 'matroska', '-i', 'pipe:0'],
    outputs.flat(),
  ].flat()
}

const PICTURE_FILTERS = [
  `blackframe=amount=0:threshold=${BLACK_BELOW}`,
  'metadata=mode=print:key=lavfi.blackframe.pblack:file=pipe\\\\:3:direct=1',
  `scale=${SMALL_PICTURE.width}:${SMALL_PICTURE.height}:flags=area`,
  'format=gray',
].join(',')

const PICTURE_OUTPUT = [
  ['-fps_mode', 'passthrough', '-enc_time_base', '1:1000', '-vf', PICTURE_FILTERS],
  // More threads of the encoder hold back as many pictures.
  ['-threads', '1', '-c:v', 'rawvideo', '-f', 'rawvideo', 'pipe:4'],
].flat()
const SOUND_OUTPUT = ['-c:a', 'pcm_s16le', '-f', 'tee', '[f=framecrc]pipe\\:3|[f=s16le]pipe\\:5']
const MARKER_OUTPUT = ['-c:a', 'copy', '-f', 'framecrc', 'pipe:3']
