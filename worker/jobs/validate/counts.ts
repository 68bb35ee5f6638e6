/**
 * Counts frames: a header or a playlist may declare a length that the media do not have. Samples that are there twice, or
 * are missing, do not show in timestamps alone.
 */
import type { OutputPlan } from '../plan/output-plan.ts'
import { errorFinding, type Finding } from './findings.ts'
import type { OutputStream } from './probe-output.ts'
import type { FrameTotals } from './probe-rendition.ts'
import { AAC_FRAME_SAMPLES } from './segment-timing.ts'
import { type RenditionListing, totalDurationSec } from './set-listing.ts'

/** Encoders add frames at both ends, and tracks may end this much apart. */
const TOLERANCE_SEC = 0.25

/** Checks that the audio frames of a single file last as long as their track. Its frame rate shows lost video frames. */
export function checkListedAudio(streams: readonly OutputStream[], file: string): readonly Finding[] {
  const audio = findAac(streams)
  const contentSec = toSeconds(audio?.nb_frames ?? null, audio)
  if (contentSec === null || audio?.duration === null || audio === null) return []
  if (Math.abs(contentSec - audio.duration) <= TOLERANCE_SEC) return []
  const message = `has ${contentSec.toFixed(3)} s of audio frames in a track of ${audio.duration.toFixed(3)} s`
  return [errorFinding('AV_SYNC_ERROR', file, message)]
}

/** Checks that a rendition has as many frames of video and audio as its segments should hold. */
export function checkTotals(
  totals: FrameTotals,
  streams: readonly OutputStream[],
  { listing, plan }: { readonly listing: RenditionListing; readonly plan: OutputPlan },
): readonly Finding[] {
  const listedSec = totalDurationSec(listing.segments)
  const { video } = plan
  const videoSec = totals.video === null || video === null ? null : (totals.video * video.fps.den) / video.fps.num
  const audioSec = toSeconds(totals.audio, findAac(streams))
  return [
    { kind: 'video', sec: videoSec },
    { kind: 'audio', sec: audioSec },
  ].flatMap(({ kind, sec }) => {
    if (sec === null || Math.abs(sec - listedSec) <= TOLERANCE_SEC) return []
    const message = `has ${sec.toFixed(3)} s of ${kind} frames in segments of ${listedSec.toFixed(3)} s`
    return [errorFinding('HLS_DURATION_MISMATCH', listing.file, message)]
  })
}

function findAac(streams: readonly OutputStream[]): OutputStream | null {
  return streams.find(({ codec_name: codec }) => codec === 'aac') ?? null
}

function toSeconds(frames: number | null, audio: OutputStream | null): number | null {
  const rate = audio?.sample_rate ?? null
  return frames === null || rate === null ? null : (frames * AAC_FRAME_SAMPLES) / rate
}
