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

/** The largest picture that is taken: 8K. */
export const MAX_PIXELS = 7680 * 4320

/** Neither side of a picture may be longer; H.264 ends at 8192 in practice. */
export const MAX_SIDE = 8192

/** What a decoder may allocate for a picture: an 8K one, whose coded size is a little larger. */
const MAX_DECODED_PIXELS = MAX_SIDE * 4352

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
