import type { Vp8Size } from './assemble-vp8.ts'
import type { WebmTracks } from './webm-writer.ts'

/** The longest side of a picture that is encoded again, in pixels. */
const MAX_SIDE = 1280
const VIDEO_KBPS = 4000
const AUDIO_KBPS = 128

/** Returns the arguments of ffmpeg: WebM on its stdin becomes FLV with H.264 and AAC on file descriptor 3. */
export function buildTranscoderArguments({ video, hasAudio }: WebmTracks): readonly string[] {
  return [
    ['-hide_banner', '-v', 'error', '-protocol_whitelist', 'pipe', '-copyts'],
    ['-probesize', '32k', '-analyzeduration', '0', '-f', 'matroska', '-i', 'pipe:0'],
    video === null ? [] : buildVideoArguments(video),
    hasAudio ? AUDIO_ARGUMENTS : [],
    // A track that sends nothing does not hold back the other one for longer than this, in microseconds.
    ['-max_interleave_delta', '200000', '-avoid_negative_ts', 'disabled', '-protocol_whitelist', 'pipe'],
    ['-flush_packets', '1', '-f', 'flv', '-flvflags', 'no_duration_filesize', 'pipe:3'],
  ].flat()
}

/** Builds the arguments of the picture: key frames stay where the browser has sent them, the size that of the first one. */
function buildVideoArguments(source: Vp8Size): readonly string[] {
  const { width, height } = fitSize(source)
  const scale = `scale=${width}:${height}:force_original_aspect_ratio=decrease`
  const rate = String(VIDEO_KBPS)
  return [
    ['-map', '0:v:0', '-vf', `${scale},pad=${width}:${height}:-1:-1,setsar=1`, '-pix_fmt', 'yuv420p'],
    ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-threads', '2', '-sc_threshold', '0'],
    ['-crf', '22', '-maxrate', `${rate}k`, '-bufsize', `${rate}k`, '-g', '600', '-force_key_frames', 'source'],
    ['-fps_mode', 'passthrough', '-enc_time_base', '1:1000'],
  ].flat()
}

/** Gaps that lost packets leave are filled with silence, so that sound and picture stay in step. */
const AUDIO_ARGUMENTS = [
  ['-map', '0:a:0', '-af', 'aresample=async=1000', '-c:a', 'aac', '-b:a', `${AUDIO_KBPS}k`, '-ar', '48000', '-ac', '2'],
].flat()

/** Returns the size within the bound, with even sides. */
function fitSize({ width, height }: Vp8Size): Vp8Size {
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height))
  const toEven = (side: number) => Math.max(2, 2 * Math.round((side * scale) / 2))
  return { width: toEven(width), height: toEven(height) }
}
