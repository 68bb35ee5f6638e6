import { mediaBytes, readWith } from './set-folder.ts'
import { SetFault } from './set-fault.ts'
import type { Segment, Track } from './track.ts'
import { readStreamCodecs } from './transport-stream.ts'

/** EXTINF has six decimals. */
const TIMESCALE = 1_000_000

/** What a rendition must hold. */
type Streams = { readonly video: boolean; readonly audio: boolean }

/**
 * Reads one rendition of MPEG-2 TS: ffmpeg's `stream_N.m3u8` says how long its segments are, the first of them what
 * is in it. Throws a `SetFault` where something is missing, empty or unreadable.
 */
export async function readTransportTrack(dir: string, index: number, streams: Streams): Promise<Track> {
  const playlist = `stream_${index}.m3u8`
  const entries = await readWith(dir, playlist, (bytes) => readEntries(bytes.toString()))
  const segments: Segment[] = []
  let start = 0
  for (const { name, duration } of entries) {
    if (!isSegmentOf(index, name) || !(duration > 0)) {
      throw new SetFault('HLS_PLAYLIST_SYNTAX_ERROR', playlist, `lists ${name.slice(0, 100)} with ${duration} µs`)
    }
    segments.push({ name, bytes: await mediaBytes(dir, name), start, duration })
    start += duration
  }
  const [first, ...others] = segments
  if (first === undefined) throw new SetFault('HLS_SEGMENT_MISSING', playlist, 'lists no segment')
  const codecs = await readCodecs(dir, first.name, streams)
  return { index, codecs, timescale: TIMESCALE, initName: null, segments: [first, ...others] }
}

/** Every segment with its EXTINF; of a playlist that ffmpeg has not ended, none. */
function readEntries(playlist: string): { name: string; duration: number }[] {
  if (!/^#EXT-X-ENDLIST\s*$/m.test(playlist)) throw new RangeError('has no end')
  return Array.from(playlist.matchAll(/^#EXTINF:([\d.]+),.*\n(?:#.*\n)*(.+)$/gm), ([, seconds, name = '']) => {
    return { name: name.trim(), duration: Math.round(Number(seconds) * TIMESCALE) }
  })
}

function isSegmentOf(index: number, name: string): boolean {
  return new RegExp(String.raw`^segment_${index}_\d+\.ts$`).test(name)
}

async function readCodecs(dir: string, name: string, streams: Streams): Promise<string[]> {
  const codecs = await readWith(dir, name, readStreamCodecs)
  if (streams.video && codecs.video === null) throw new SetFault('NO_VIDEO_STREAM', name, 'has no picture')
  if (streams.audio && codecs.audio === null) throw new SetFault('NO_AUDIO_STREAM', name, 'has no sound')
  return [codecs.video, codecs.audio].filter((codec) => codec !== null)
}
