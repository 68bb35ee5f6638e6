import type { MediaInfo } from '../../shared/contract/jobs.ts'
import { type Probe, toNumber } from '../platform/probed-media.ts'

/** What a probe found, as the job's owner is told of it. */
export function toMediaInfo({ format, durationSec, sizeBytes, bitRateKbps, video, audio }: Probe): MediaInfo {
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
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
