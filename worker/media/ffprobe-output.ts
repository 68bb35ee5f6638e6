import * as v from 'valibot'

import type { TrackProblem } from './probed-media.ts'

const text = v.optional(v.string())
/** ffprobe writes most numbers as text. */
const numeric = v.optional(
  v.pipe(
    v.union([v.string(), v.number()]),
    v.transform((value) => (Number.isFinite(Number(value)) ? Number(value) : undefined)),
  ),
)
const flag = v.optional(v.number(), 0)

/** A packet of a track. `flags` contain D where players must discard it. */
const FfprobePacket = v.object({
  stream_index: v.number(),
  pts_time: numeric,
  dts_time: numeric,
  duration_time: numeric,
  flags: v.optional(v.string(), ''),
})
export type FfprobePacket = v.InferOutput<typeof FfprobePacket>

/** What a track is for (ffmpeg's `AV_DISPOSITION_`). In MP4 and MOV, `default` is the track's flag "enabled". */
export const FfprobeDisposition = v.object({
  attached_pic: flag,
  timed_thumbnails: flag,
  still_image: flag,
  default: flag,
  original: flag,
  dub: flag,
  comment: flag,
  karaoke: flag,
  hearing_impaired: flag,
  visual_impaired: flag,
  clean_effects: flag,
  descriptions: flag,
  dependent: flag,
})

/** A track, with the fields of its header. */
const FfprobeStream = v.object({
  index: v.number(),
  codec_type: text,
  codec_name: text,
  codec_tag_string: text,
  width: v.optional(v.number(), 0),
  height: v.optional(v.number(), 0),
  sample_aspect_ratio: text,
  pix_fmt: text,
  field_order: text,
  color_range: text,
  color_space: text,
  color_transfer: text,
  color_primaries: text,
  r_frame_rate: text,
  avg_frame_rate: text,
  start_time: numeric,
  duration: numeric,
  nb_frames: numeric,
  channels: v.optional(v.number(), 0),
  sample_rate: numeric,
  /** Missing where no decoder could be opened, and where the track has no packets. */
  sample_fmt: text,
  disposition: v.optional(FfprobeDisposition, {}),
  tags: v.optional(v.object({ DURATION: text, language: text, title: text, name: text, handler_name: text }), {}),
  side_data_list: v.optional(
    v.array(
      v.object({
        rotation: v.optional(v.number()),
        displaymatrix: text,
        dv_profile: numeric,
        bl_present_flag: numeric,
      }),
    ),
    [],
  ),
})
export type FfprobeStream = v.InferOutput<typeof FfprobeStream>

/** A program of a transport stream: the tracks that belong together. */
const FfprobeProgram = v.object({ streams: v.optional(v.array(v.object({ index: v.number() })), []) })

/** ffprobe's JSON output for one file. */
export const FfprobeOutput = v.object({
  packets: v.optional(v.array(FfprobePacket), []),
  programs: v.optional(v.array(FfprobeProgram), []),
  streams: v.optional(v.array(FfprobeStream), []),
  format: v.object({ format_name: v.string(), start_time: numeric, duration: numeric, bit_rate: numeric }),
})
export type FfprobeOutput = v.InferOutput<typeof FfprobeOutput>

/** A file's headers and first packets, and the tracks that cannot be encoded although their headers are sound. */
export type InspectedFile = FfprobeOutput & {
  /** By the indexes of the tracks. */
  readonly problems?: ReadonlyMap<number, TrackProblem>
}

/** Reads a track's duration from its header, in seconds. Matroska has only a tag with the time at which a track ends. */
export function readHeaderDurationSec({ duration, tags, start_time = 0 }: FfprobeStream): number | null {
  if (duration !== undefined) return duration
  const [, hours, minutes, seconds] = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(tags.DURATION ?? '') ?? []
  if (seconds === undefined) return null
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) - Math.max(start_time, 0)
}
