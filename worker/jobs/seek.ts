import type { Probe } from '../platform/probed-media.ts'
import { perSec } from './frame-grid.ts'

/** Sound needs some time to get going, and may lie a little before the picture of its time in the file. */
const BEFORE_SEC = 2
/** Frames may be decoded so much earlier than shown (ITU-T H.264 §A.3.1, H.265 §A.4.2). */
const REORDERED_FRAMES = 16
/** An even picture may have so much of its length in frames that are held: its rate is a little below that of its times. */
const HELD_SHARE = 0.02

/**
 * Where in a file ffmpeg may be sent, so that it begins with a key frame that is shown at `zeroSec` at the latest, and
 * still has sound from there on; times are on ffmpeg's clock. `null`: to its start. It is so wherever there is no index
 * of key frames: in a transport or program stream, or a plain one, ffmpeg comes out behind the place that it is sent to.
 */
export function seekPoint(probe: Probe, zeroSec: number): number | null {
  const { video, audio, startSec } = probe
  const marginSec = marginOf(probe)
  // Seeking goes by the picture where there is one, and the sound is read from the same place on.
  const track = video ?? audio
  if (marginSec === null || track === null) return null
  const beginSec = track.startSec - startSec
  const latestSec = Math.min(zeroSec, beginSec + track.durationSec) - marginSec
  return latestSec > beginSec ? latestSec : null
}

/** How much earlier than a frame ffmpeg is to be sent, so that it finds a key frame before it; `null`: it may not. */
function marginOf({ format, video }: Probe): number | null {
  if (format.startsWith('matroska')) return BEFORE_SEC
  if (!format.startsWith('mov')) return null
  if (video === null) return BEFORE_SEC
  // The index of MP4 has the times of decoding: of uneven frames, one may be shown any time later.
  if (video.isVariableFrameRate) return null
  return BEFORE_SEC + REORDERED_FRAMES / perSec(video.fps) + HELD_SHARE * video.durationSec
}
