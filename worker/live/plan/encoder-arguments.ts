import { SEGMENT_SEC } from '../../../shared/contract/live.ts'
import { frameMs, partMs, type PlannedRung, type RunPlan } from './plan-run.ts'
import { MAX_PIXELS } from './source-facts.ts'

/** Bit rate of the sound of every rung. */
export const AUDIO_KBPS = 128
const AUDIO_RATE = 48_000
/** The AAC encoder delays the sound by this many samples. Without them, sound would begin before the picture. */
const AAC_DELAY_SAMPLES = 1024
/** Clock of video tracks: it represents ms, and the usual frame rates, without rounding. */
export const VIDEO_TIMESCALE = 90_000
/** A fragment ends this much before its full length at the latest: timestamps are rounded to ms. */
const ROUNDING_MS = 1.5
/** A track that is silent must not hold up the other one for long, in µs. */
const INTERLEAVE_US = 300_000
/** Key frames come where they are wanted; no GOP is longer. */
const NO_KEY_FRAMES = 100_000

/** What the encoder reads. */
export type EncoderInput = {
  /** ffmpeg's name of its demuxer. */
  readonly format: 'flv' | 'matroska'
  /** Time of the run's first frame on the input's clock, in ms. */
  readonly startOffsetMs: number
}

/**
 * Returns ffmpeg's arguments for a run: its feed on stdin, and a fragmented MP4 for each rung on the pipes from 3 on. The feed's
 * clock reads `startOffsetMs` at the run's first frame. A tee muxes one encoding of the sound into every rung.
 */
export function buildEncoderArguments(plan: RunPlan, { format, startOffsetMs }: EncoderInput): readonly string[] {
  const encoded = plan.rungs.filter(({ isCopy }) => !isCopy)
  const graph = [buildVideoGraph(plan, encoded, startOffsetMs), plan.hasAudio ? buildAudioGraph(startOffsetMs) : null]
  const isFiltered = encoded.length > 0 || plan.hasAudio
  return [
    ['-nostdin', '-hide_banner', '-nostats', '-v', 'warning', '-copyts'],
    ['-probesize', '5M', '-analyzeduration', '500000', '-fpsprobesize', '0', '-max_pixels', String(MAX_PIXELS)],
    ['-protocol_whitelist', 'pipe', '-f', format, '-i', 'pipe:0'],
    isFiltered ? ['-filter_complex', graph.filter((part) => part !== null).join(';')] : [],
    plan.rungs.flatMap((rung) => ['-map', rung.isCopy ? '0:v:0' : `[v${rung.name}]`]),
    plan.hasAudio ? ['-map', '[sound]'] : [],
    plan.rungs.flatMap((rung, stream) => buildRungArguments(plan, rung, stream)),
    plan.hasAudio ? ['-c:a', 'aac', '-b:a', `${AUDIO_KBPS}k`] : [],
    ['-enc_time_base:v', '1:1000', '-copytb', '1', '-flags', '+global_header'],
    ['-max_interleave_delta', String(INTERLEAVE_US), '-flush_packets', '1'],
    ['-f', 'tee', plan.rungs.map((_, stream) => buildOutput(plan, stream)).join('|')],
  ].flat()
}

/** Returns the filters of the encoded rungs. Timestamps stay whole ms, so that every rung has the source's own times. */
function buildVideoGraph(plan: RunPlan, encoded: readonly PlannedRung[], offsetMs: number): string | null {
  if (encoded.length === 0) return null
  const start = [`trim=start=${formatSec(offsetMs)}`, `setpts=PTS-${offsetMs}`]
  const common = plan.isInterlaced ? [...start, 'yadif=mode=send_frame'] : start
  const split = `split=${encoded.length}${encoded.map(({ name }) => `[s${name}]`).join('')}`
  const scale = encoded.map(
    ({ name, width, height }) => `[s${name}]scale=${width}:${height},setsar=1,format=yuv420p[v${name}]`,
  )
  return [`[0:v:0]${[...common, split].join(',')}`, ...scale].join(';')
}

/** Returns the filters of the sound: cut at the run's first frame, and without gaps. */
function buildAudioGraph(offsetMs: number): string {
  const offset = formatSec(offsetMs)
  return [
    `[0:a:0]atrim=start=${offset},asetpts=PTS-${offset}/TB`,
    `aresample=${AUDIO_RATE}:async=1:first_pts=${AAC_DELAY_SAMPLES}`,
    'aformat=sample_fmts=fltp:channel_layouts=stereo[sound]',
  ].join(',')
}

/**
 * Returns the options of a rung. Each key frame has its parameter sets, which the initialization segment has too: ffmpeg and
 * the players that are built on it read the first initialization segment of a playlist only.
 */
function buildRungArguments(plan: RunPlan, rung: PlannedRung, stream: number): string[] {
  const option = (name: string, value: string) => [`-${name}:v:${stream}`, value]
  // The filter adds them; the muxer writes NAL units with their lengths again.
  if (rung.isCopy) return [...option('c', 'copy'), ...option('bsf', 'h264_mp4toannexb')]
  const rate = `${rung.videoKbps}k`
  return [
    ...option('c', 'libx264'),
    ...option('preset', 'veryfast'),
    ...option('tune', 'zerolatency'),
    ...option('profile', 'high'),
    ...option('b', rate),
    ...option('maxrate', rate),
    ...option('bufsize', rate),
    ...option('g', String(NO_KEY_FRAMES)),
    ...option('sc_threshold', '0'),
    ...option('force_key_frames', buildKeyFrameRule(plan)),
    ...option('fps_mode', 'vfr'),
    // The clock in ms does not say the rate, by which x264 chooses the level and spends bits.
    ...option('x264-params', `fps=${formatRate(plan.frameRate)}:repeat-headers=1`),
  ]
}

/**
 * Returns where encoded rungs have key frames: at the frame that is closest to a whole segment after the last one. By their
 * number instead, each frame after a gap would be one until the gap is made up for.
 */
function buildKeyFrameRule(plan: RunPlan): string {
  if (plan.keyFrames === 'source') return 'source'
  const intervalSec = formatSec(SEGMENT_SEC * 1000 - frameMs(plan) / 2)
  return `expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+${intervalSec}))`
}

/** Returns the fragmented MP4 of one rung, as an output of ffmpeg's tee muxer. */
function buildOutput(plan: RunPlan, stream: number): string {
  const fragmentUs = Math.round((partMs(plan) - ROUNDING_MS) * 1000)
  const options = [
    String.raw`select=\'v:${stream}${plan.hasAudio ? ',a' : ''}\'`,
    'f=mp4',
    'movflags=+empty_moov+default_base_moof+frag_keyframe+skip_trailer',
    `frag_duration=${fragmentUs}`,
    'flush_packets=1',
    `max_interleave_delta=${INTERLEAVE_US}`,
    `video_track_timescale=${VIDEO_TIMESCALE}`,
  ]
  return `[${options.join(':')}]pipe:${3 + stream}`
}

function formatSec(ms: number): string {
  return (ms / 1000).toFixed(3)
}

function formatRate(rate: number): string {
  return `${Math.round(rate * 1001)}/1001`
}
