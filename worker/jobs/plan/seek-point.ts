import type { ProbedMedia } from '../../media/probed-media.ts'
import { framesPerSec } from './frame-rate.ts'

/** Audio decoders need some time to start, and audio may lie a little before the video of the same time in the file. */
const LEAD_SEC = 2
/** Most frames between decoding and display of a frame (ITU-T H.264 §A.3.1, H.265 §A.4.2). */
const REORDERED_FRAMES = 16
/** Share of a video's length that held frames may take up at a constant rate, which is then a little below the declared. */
const HELD_FRAMES_SHARE = 0.02

/**
 * Returns where ffmpeg may seek so that it begins with a keyframe shown by `zeroSec`, with audio from there on; both
 * times are on ffmpeg's clock. Returns `null` for the file's start, always where the container has no keyframe index:
 * in an elementary, transport or program stream, ffmpeg ends up behind the position that it seeks to.
 */
export function findSeekPoint(probe: ProbedMedia, zeroSec: number): number | null {
  const { video, audio, startSec } = probe
  const marginSec = seekMarginSec(probe)
  // ffmpeg seeks by the video track where there is one, and reads the audio from the same position.
  const track = video ?? audio
  if (marginSec === null || track === null) return null
  const beginSec = track.startSec - startSec
  const latestSec = Math.min(zeroSec, beginSec + track.durationSec) - marginSec
  return latestSec > beginSec ? latestSec : null
}

/** Returns how far before a frame to seek so that a keyframe precedes it; `null` where seeking is not exact enough. */
function seekMarginSec({ format, video }: ProbedMedia): number | null {
  if (format.startsWith('matroska')) return LEAD_SEC
  if (!format.startsWith('mov')) return null
  if (video === null) return LEAD_SEC
  // The index of an MP4 file has decoding times; with a variable frame rate, a frame may be shown any time later.
  if (video.isVariableFrameRate) return null
  return LEAD_SEC + REORDERED_FRAMES / framesPerSec(video.fps) + HELD_FRAMES_SHARE * video.durationSec
}
