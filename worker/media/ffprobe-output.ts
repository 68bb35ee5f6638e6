import * as v from 'valibot'

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
  disposition: v.optional(v.object({ attached_pic: flag, timed_thumbnails: flag, default: flag }), {}),
  tags: v.optional(v.object({ DURATION: text }), {}),
  side_data_list: v.optional(
    v.array(v.object({ rotation: v.optional(v.number()), displaymatrix: text, dv_profile: numeric })),
    [],
  ),
})
export type FfprobeStream = v.InferOutput<typeof FfprobeStream>

/** ffprobe's JSON output for one file. */
export const FfprobeOutput = v.object({
  packets: v.optional(v.array(FfprobePacket), []),
  streams: v.optional(v.array(FfprobeStream), []),
  format: v.object({ format_name: v.string(), start_time: numeric, duration: numeric, bit_rate: numeric }),
})
export type FfprobeOutput = v.InferOutput<typeof FfprobeOutput>

/** Reads a track's duration from its header, in seconds. Matroska has only a tag with the time at which a track ends. */
export function readHeaderDurationSec({ duration, tags, start_time = 0 }: FfprobeStream): number | null {
  if (duration !== undefined) return duration
  const [, hours, minutes, seconds] = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(tags.DURATION ?? '') ?? []
  if (seconds === undefined) return null
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) - Math.max(start_time, 0)
}
