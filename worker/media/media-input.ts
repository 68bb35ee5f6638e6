/** How ffmpeg and ffprobe read an untrusted media file: both with the same options. */

/**
 * Demuxers that read one file only. Playlists (hls, dash, concat, imf), numbered pictures (image2), scripts and devices
 * are excluded, so that a file cannot make ffmpeg open another one.
 */
const FORMATS = [
  ['mov', 'matroska', 'mpegts', 'mpeg', 'avi', 'flv', 'asf', 'ogg', 'mxf', 'gxf', 'wtv', 'dv', 'nut', 'ivf', 'rm'],
  ['h264', 'hevc', 'obu', 'm4v', 'mpegvideo', 'yuv4mpegpipe', 'gif'],
  ['mp3', 'aac', 'ac3', 'eac3', 'dts', 'flac', 'wav', 'w64', 'aiff', 'caf', 'au', 'amr', 'ape', 'wv', 'tta'],
].flat()

/** The largest accepted picture: a full 6K sensor. 8K takes minutes to encode, and some KB of black can contain it. */
const MAX_PIXELS = 6240 * 4160

/** The longest accepted side of a picture, which is the limit of H.264 in practice. */
const MAX_SIDE = 8192

/** Limit of a decoder's picture. The coded size is larger than the picture by up to one block per side. */
const MAX_DECODED_PIXELS = MAX_PIXELS + 64 * 2 * MAX_SIDE

/** Returns why a picture of this size is refused; `null` if it is accepted. */
export function findSizeProblem(width: number, height: number): string | null {
  const toMillions = (pixels: number) => (pixels / 1e6).toFixed(1)
  const size = `the picture is too large: ${width}x${height}`
  if (Math.max(width, height) > MAX_SIDE) return `${size} has a side of more than ${MAX_SIDE} pixels`
  if (width * height <= MAX_PIXELS) return null
  return `${size} has ${toMillions(width * height)} million pixels, at most ${toMillions(MAX_PIXELS)} million are accepted`
}

const GUARDS = [
  ['-protocol_whitelist', 'file', '-format_whitelist', FORMATS.join(',')],
  ['-max_pixels', String(MAX_DECODED_PIXELS)],
].flat()

/** How much of a file is read to detect its tracks, in seconds. */
export const DETECTION_SEC = 30

/** Input options that precede `-i`, for ffprobe and ffmpeg. */
export const INPUT_OPTIONS: readonly string[] = [
  GUARDS,
  '-probesize',
  '50M',
  '-analyzeduration',
  `${DETECTION_SEC}M`,
].flat()

/** Input options for a file with a track that begins later. */
export const LATE_TRACK_OPTIONS: readonly string[] = [...GUARDS, '-probesize', '250M', '-analyzeduration', '3600M']

/** Returns the argument of `-i` for a local file. The explicit protocol keeps ffmpeg from reading one from the name. */
export function toInputUrl(path: string): string {
  return `file:${path}`
}
