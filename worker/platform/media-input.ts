/**
 * How ffmpeg and ffprobe are to read a media file that nobody vouches for, said once: both read it alike.
 */

/**
 * Demuxers that read one file and nothing else. Playlists (hls, dash, concat, imf), pictures by number (image2), scripts
 * and devices are not among them, so that a file cannot make ffmpeg open another one.
 */
const FORMATS = [
  ['mov', 'matroska', 'mpegts', 'mpeg', 'avi', 'flv', 'asf', 'ogg', 'mxf', 'gxf', 'wtv', 'dv', 'nut', 'ivf', 'rm'],
  ['h264', 'hevc', 'obu', 'm4v', 'mpegvideo', 'yuv4mpegpipe', 'gif'],
  ['mp3', 'aac', 'ac3', 'eac3', 'dts', 'flac', 'wav', 'w64', 'aiff', 'caf', 'au', 'amr', 'ape', 'wv', 'tta'],
].flat()

/** The largest picture that is taken: 6K with the whole of a sensor. 8K costs minutes, and some KB of black hold it. */
const MAX_PIXELS = 6240 * 4160

/** Neither side of a picture may be longer; H.264 ends at 8192 in practice. */
const MAX_SIDE = 8192

/** What a decoder may allocate for a picture, whose coded size is a little larger: each side by a block at most. */
const MAX_DECODED_PIXELS = MAX_PIXELS + 64 * 2 * MAX_SIDE

/** Why a picture of a size is not taken; `null`: it is. */
export function sizeProblem(width: number, height: number): string | null {
  const millions = (pixels: number) => (pixels / 1e6).toFixed(1)
  const size = `the picture is too large: ${width}x${height}`
  if (Math.max(width, height) > MAX_SIDE) return `${size} has a side of more than ${MAX_SIDE} pixels`
  if (width * height <= MAX_PIXELS) return null
  return `${size} are ${millions(width * height)} million pixels, and at most ${millions(MAX_PIXELS)} million are taken`
}

/** Bytes and µs that are read to learn what the tracks are: sound may begin late. */
const PROBING = ['-probesize', '50M', '-analyzeduration', '30M']

/** Input options that go before `-i`, for ffprobe and ffmpeg alike. */
export const INPUT_OPTIONS: readonly string[] = [
  ['-protocol_whitelist', 'file', '-format_whitelist', FORMATS.join(',')],
  ['-max_pixels', String(MAX_DECODED_PIXELS), ...PROBING],
].flat()

/** The argument of `-i` for a local file: with its protocol said, no name of a file can be taken for another one. */
export function inputUrl(path: string): string {
  return `file:${path}`
}
