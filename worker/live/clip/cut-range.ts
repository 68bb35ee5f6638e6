import type { ClipOrder } from '../../../shared/contract/live-files.ts'

/** The times of a file's frames, in order, in units of its clock. */
export type FrameTimes = { readonly pts: readonly number[]; readonly secPerUnit: number }

/** The frames of a clip: from the first one up to the time at which the clip ends, in units of the file's clock. */
export type ClipFrames = {
  readonly frames: number
  readonly startPts: number
  readonly endPts: number
  readonly startSec: number
  readonly endSec: number
}

/** Times of frames are rounded to ms, and those of segments too. */
const TOLERANCE_SEC = 0.0015
/** The duration of the last frame is estimated. */
const END_TOLERANCE_SEC = 0.02
const KEY_FRAME_SEC = 2
/** The longest side of a poster. */
const POSTER_SIDE = 640

/** Returns the times of the frames that ffmpeg's `framecrc` lists, one packet a line. */
export function readFrameTimes(listing: string): FrameTimes {
  const [, numerator = '0', denominator = '1'] = /^#tb 0: (\d+)\/(\d+)/m.exec(listing) ?? []
  const pts = [...listing.matchAll(/^0,\s*-?\d+,\s*(-?\d+),/gm)].map(([, text]) => Number(text))
  return { pts: pts.toSorted((a, b) => a - b), secPerUnit: Number(numerator) / Number(denominator) }
}

/** Returns whether the segments of a clip reach to its end. */
export function isStoredWhole({ runs, start_sec: startSec, duration_sec: durationSec }: ClipOrder): boolean {
  const storedSec = runs.reduce((sum, { duration_sec: sec }) => sum + sec, 0)
  return startSec + durationSec <= storedSec + END_TOLERANCE_SEC
}

/** Returns the frames within the range of a clip, which begins to count at the first frame; `null` where there are none. */
export function chooseFrames(
  { pts, secPerUnit }: FrameTimes,
  { start_sec: startSec, duration_sec: durationSec }: Pick<ClipOrder, 'start_sec' | 'duration_sec'>,
): ClipFrames | null {
  const [begin = 0] = pts
  const toPts = (sec: number) => begin + (sec - TOLERANCE_SEC) / secPerUnit
  const chosen = pts.filter((at) => at >= toPts(startSec) && at < toPts(startSec + durationSec))
  const [first] = chosen
  const last = chosen.at(-1)
  if (first === undefined || last === undefined) return null
  return {
    frames: chosen.length,
    startPts: first,
    endPts: last + 1,
    startSec: first * secPerUnit,
    endSec: first * secPerUnit + durationSec,
  }
}

type CutFiles = { readonly input: string; readonly output: string }

/** Returns ffmpeg's arguments that encode a range of frames, with the sound of the same time, as an MP4 file for the web. */
export function buildCutArguments(
  { width, height, frame_rate: rate }: Pick<ClipOrder, 'width' | 'height' | 'frame_rate'>,
  { startPts, endPts, startSec, endSec }: ClipFrames,
  { input, output }: CutFiles,
): string[] {
  const video = [
    `trim=start_pts=${startPts}:end_pts=${endPts}`,
    `setpts=PTS-${startPts}`,
    // Runs of an encoder may differ in size.
    `scale=${width}:${height},setsar=1,format=yuv420p`,
  ]
  const [from, to] = [startSec.toFixed(6), endSec.toFixed(6)]
  const audio = [`atrim=start=${from}:end=${to}`, `asetpts=PTS-${from}/TB`, 'aresample=48000:async=1:first_pts=0']
  return [
    ['-nostdin', '-v', 'error', '-xerror', '-err_detect', 'explode', '-protocol_whitelist', 'file', '-i', input],
    ['-map', '0:v:0', '-map', '0:a:0?', '-vf', video.join(','), '-af', audio.join(',')],
    [
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-crf',
      '20',
      '-profile:v',
      'high',
      '-maxrate',
      '12M',
      '-bufsize',
      '24M',
    ],
    ['-g', String(Math.max(1, Math.round(rate * KEY_FRAME_SEC))), '-fps_mode', 'vfr', '-enc_time_base:v', '1:90000'],
    // The clock of the encoder does not say the rate, by which x264 chooses the level.
    ['-x264-params', `fps=${Math.round(Math.max(1, rate) * 1001)}/1001`, '-video_track_timescale', '90000'],
    ['-c:a', 'aac', '-b:a', '128k', '-ac', '2', '-movflags', '+faststart', '-y', output],
  ].flat()
}

/** Returns ffmpeg's arguments that make a JPEG of one picture of a film. */
export function buildPosterArguments({ input, output, atSec }: CutFiles & { readonly atSec: number }): string[] {
  const size = `'min(${POSTER_SIDE},iw)':'min(${POSTER_SIDE},ih)':force_original_aspect_ratio=decrease`
  return [
    ['-nostdin', '-v', 'error', '-protocol_whitelist', 'file', '-ss', atSec.toFixed(3), '-i', input],
    ['-an', '-frames:v', '1', '-vf', `scale=${size}:force_divisible_by=2,format=yuvj420p`, '-q:v', '4'],
    ['-f', 'image2', '-update', '1', '-y', output],
  ].flat()
}
