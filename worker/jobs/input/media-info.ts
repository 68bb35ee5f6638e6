import type { MediaInfo } from '../../../shared/contract/jobs.ts'
import { type ProbedMedia, toNumber } from '../../media/probed-media.ts'

/** Converts a probe to the media information of the HTTP API, with fractions rounded to 0.001. */
export function toMediaInfo(probe: ProbedMedia): MediaInfo {
  const { format, durationSec, sizeBytes, bitRateKbps, video, audio } = probe
  return {
    format,
    duration_sec: round(durationSec),
    size_bytes: sizeBytes,
    bit_rate_kbps: bitRateKbps,
    video: video && {
      codec: video.codec,
      width: video.width,
      height: video.height,
      fps: round(toNumber(video.fps)),
      pix_fmt: video.pixFmt,
      bit_depth: video.bitDepth,
      is_hdr: video.isHdr,
      is_interlaced: video.isInterlaced,
      rotation: video.rotation,
    },
    audio: audio && { codec: audio.codec, channels: audio.channels, sample_rate: audio.sampleRate },
    tracks: probe.tracks.map(({ isChosen, ...track }) => ({ ...track, is_chosen: isChosen })),
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
