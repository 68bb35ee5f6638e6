import type { OutputPlan, PlannedRendition } from '../plan/output-plan.ts'

/** A part of the output with media of its own: the single file, or one rendition of a set. */
export type PlannedTrack = {
  /** The N in the names of its files. */
  readonly index: number
  /** `null` for a track without video. */
  readonly video: PlannedRendition | null
  readonly hasAudio: boolean
}

/** Returns the tracks of a plan. MPEG-2 TS and MP4 mux audio into every rendition; fMP4 has an audio rendition. */
export function planTracks({ container, video, audio }: OutputPlan): readonly PlannedTrack[] {
  const isMuxed = container === 'mp4' || container === 'hls'
  const renditions = video?.renditions ?? []
  const videoTracks = renditions.map((rendition) => ({
    index: rendition.index,
    video: rendition,
    hasAudio: isMuxed && audio !== null,
  }))
  const audioTrack = { index: renditions.length, video: null, hasAudio: true }
  return audio === null || (isMuxed && video !== null) ? videoTracks : [...videoTracks, audioTrack]
}
