import { SEGMENT_SEC } from '../../../shared/contract/live.ts'
import { AUDIO_KBPS } from './encoder-arguments.ts'
import type { PlannedRung } from './plan-run.ts'

/** The encoder's buffer: a segment after a still picture holds this much more than its length allows. */
const BUFFER_SEC = 1
/** AAC exceeds its rate for a moment; headers of fragments. */
const AUDIO_SHARE = 1.15
const MUX_SHARE = 1.02
const MUX_BPS = 16_000
/** Room above the measured rate of a source, whose encoder decides. */
const COPY_HEADROOM = 1.3

/**
 * Returns the peak bit rate of a rung with its sound, in bit/s (RFC 8216 §4.3.4.2): for an encoded rung the bound that its
 * buffer sets; for a copied one, room above the highest rate measured so far, in bit/s.
 */
export function declareBandwidth(rung: PlannedRung, hasAudio: boolean, measuredBps: number): number {
  const audioBps = hasAudio ? AUDIO_KBPS * 1000 * AUDIO_SHARE : 0
  if (rung.isCopy) return Math.ceil(Math.max(measuredBps * COPY_HEADROOM, rung.videoKbps * 1000 * MUX_SHARE + audioBps))
  const videoBps = rung.videoKbps * 1000 * (1 + BUFFER_SEC / SEGMENT_SEC)
  return Math.ceil((videoBps + audioBps) * MUX_SHARE + MUX_BPS)
}
