import { BrokenSetError } from './broken-set-error.ts'
import type { ManifestTrack, TrackSegment } from './manifest-track.ts'
import { parseFile, readMediaSize } from './set-folder.ts'
import { readStreamCodecs } from './transport-stream.ts'

/** Microseconds: EXTINF has six decimals. */
const TIMESCALE = 1_000_000
const MAX_NAME_CHARS = 100

/** The kinds of streams that every rendition must have. */
type ExpectedStreams = { readonly video: boolean; readonly audio: boolean }

/**
 * Reads a rendition of MPEG-2 TS: durations from ffmpeg's `stream_N.m3u8`, codecs from its first segment.
 * @throws BrokenSetError where a file is missing, empty or unreadable
 */
export async function readTransportTrack(
  dir: string,
  index: number,
  expected: ExpectedStreams,
): Promise<ManifestTrack> {
  const playlist = `stream_${index}.m3u8`
  const entries = await parseFile(dir, playlist, (bytes) => parseEntries(bytes.toString()))
  const segments: TrackSegment[] = []
  let start = 0
  for (const { name, duration } of entries) {
    if (!isSegmentOf(index, name) || !(duration > 0)) {
      const message = `has an invalid entry: ${name.slice(0, MAX_NAME_CHARS)} of ${duration} µs`
      throw new BrokenSetError('HLS_PLAYLIST_SYNTAX_ERROR', playlist, message)
    }
    segments.push({ name, bytes: await readMediaSize(dir, name), start, duration })
    start += duration
  }
  const [first, ...others] = segments
  if (first === undefined) throw new BrokenSetError('HLS_SEGMENT_MISSING', playlist, 'lists no segment')
  const codecs = await readCodecs(dir, first.name, expected)
  return { index, codecs, timescale: TIMESCALE, initName: null, segments: [first, ...others] }
}

/**
 * Parses the segments of a playlist, with their durations in µs.
 * @throws RangeError for a playlist that ffmpeg has not completed
 */
function parseEntries(playlist: string): { name: string; duration: number }[] {
  if (!/^#EXT-X-ENDLIST\s*$/m.test(playlist)) throw new RangeError('has no #EXT-X-ENDLIST')
  return Array.from(playlist.matchAll(/^#EXTINF:([\d.]+),.*\n(?:#.*\n)*(.+)$/gm), ([, seconds, name = '']) => {
    return { name: name.trim(), duration: Math.round(Number(seconds) * TIMESCALE) }
  })
}

function isSegmentOf(index: number, name: string): boolean {
  return new RegExp(String.raw`^segment_${index}_\d+\.ts$`).test(name)
}

async function readCodecs(dir: string, name: string, expected: ExpectedStreams): Promise<string[]> {
  const codecs = await parseFile(dir, name, readStreamCodecs)
  if (expected.video && codecs.video === null) throw new BrokenSetError('NO_VIDEO_STREAM', name, 'has no video stream')
  if (expected.audio && codecs.audio === null) throw new BrokenSetError('NO_AUDIO_STREAM', name, 'has no audio stream')
  return [codecs.video, codecs.audio].filter((codec) => codec !== null)
}
