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

const RawPacket = v.object({
  stream_index: v.number(),
  pts_time: numeric,
  dts_time: numeric,
  duration_time: numeric,
  flags: v.optional(v.string(), ''),
})
/** A packet of a track; `flags` has a D where the player is told to throw it away. */
export type Packet = v.InferOutput<typeof RawPacket>

const RawStream = v.object({
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
/** A track as ffprobe tells of it. */
export type RawStream = v.InferOutput<typeof RawStream>

/** What ffprobe says of a file, as JSON. */
export const RawMedia = v.object({
  packets: v.optional(v.array(RawPacket), []),
  streams: v.optional(v.array(RawStream), []),
  format: v.object({ format_name: v.string(), start_time: numeric, duration: numeric, bit_rate: numeric }),
})
export type RawMedia = v.InferOutput<typeof RawMedia>

type Sums = {
  packets: number
  /** Together. */
  durationSec: number
  /** Infinite where no packet has a time. */
  firstSec: number
  lastSec: number
  /** When each frame is shown, as far as it is known; of a picture only. */
  times: number[]
  /** Between the times of two packets that follow one another; `endSec` is that of the second. */
  longestGap: { readonly sec: number; readonly endSec: number }
  /** Of the last packet, by its time of decoding where it is known. */
  clockSec: number
}
/** What the packets of a track tell of it, those of a picture left out that the player is told to throw away. */
export type Played = Readonly<Sums>

const noSums = (): Sums => ({
  packets: 0,
  durationSec: 0,
  firstSec: Infinity,
  lastSec: -Infinity,
  times: [],
  longestGap: { sec: 0, endSec: 0 },
  clockSec: Infinity,
})

/** Adds up packets one after the other, so that none need be kept: a long recording has millions. */
export function createTally(streams: readonly RawStream[]) {
  const pictures = new Set(streams.filter(({ codec_type }) => codec_type === 'video').map(({ index }) => index))
  const tracks = new Map<number, Sums>()
  return {
    add: ({ stream_index: index, pts_time: pts, dts_time: dts, duration_time: durationSec = 0, flags }: Packet) => {
      const isPicture = pictures.has(index)
      const track = tracks.get(index) ?? noSums()
      tracks.set(index, track)
      advance(track, dts ?? pts ?? track.clockSec)
      if (isPicture && flags.includes('D')) return
      track.packets += 1
      track.durationSec += durationSec
      if (pts === undefined) return
      track.firstSec = Math.min(track.firstSec, pts)
      track.lastSec = Math.max(track.lastSec, pts + durationSec)
      if (isPicture) track.times.push(pts)
    },
    of: (index: number): Played => tracks.get(index) ?? noSums(),
  }
}
export type Tally = ReturnType<typeof createTally>

function advance(track: Sums, sec: number): void {
  if (sec - track.clockSec > track.longestGap.sec) track.longestGap = { sec: sec - track.clockSec, endSec: sec }
  track.clockSec = sec
}

/** When a track begins and how long it lasts, on the file's own clock. */
export type Extent = { readonly startSec: number; readonly durationSec: number }

/** From the headers where they say it, else from all packets; those without times count for their durations. */
export function extentOf(stream: RawStream, { firstSec, lastSec, durationSec }: Played): Extent {
  const said = headerDurationSec(stream)
  if (said !== null && said > 0) return { startSec: stream.start_time ?? 0, durationSec: said }
  if (firstSec === Infinity) return { startSec: stream.start_time ?? 0, durationSec }
  // What an encoder of sound puts before its beginning is not heard.
  const startSec = Math.max(firstSec, stream.start_time ?? firstSec)
  return { startSec, durationSec: Math.max(lastSec - startSec, 0) }
}

/** Matroska has no durations of tracks; its writers note in a tag at what time each ends. */
export function headerDurationSec({ duration, tags, start_time = 0 }: RawStream): number | null {
  if (duration !== undefined) return duration
  const [, hours, minutes, seconds] = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(tags.DURATION ?? '') ?? []
  if (seconds === undefined) return null
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) - Math.max(start_time, 0)
}
