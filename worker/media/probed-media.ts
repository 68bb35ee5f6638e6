import * as v from 'valibot'

const Fraction = v.object({ num: v.number(), den: v.number() })
/** A fraction, such as the frame rate 30000/1001. */
type Fraction = v.InferOutput<typeof Fraction>

const finite = v.pipe(v.number(), v.finite())

/** A track's place on the file's clock; `startSec` may be negative. */
const extentEntries = { startSec: finite, durationSec: finite }

const ProbedVideo = v.object({
  /** The track's index in its file: `0:INDEX` for ffmpeg. */
  index: v.number(),
  codec: v.string(),
  /** Display size: with square pixels and after rotation. */
  width: v.number(),
  height: v.number(),
  /** Size as stored, with pixels of any shape. Absent in probes of older workers. */
  stored: v.optional(v.nullable(v.object({ width: v.number(), height: v.number() })), null),
  /** Degrees, clockwise, from 0 to 359. */
  rotation: v.number(),
  /** Mirrored in addition to the rotation. Absent in probes of older workers. */
  isMirrored: v.optional(v.boolean(), false),
  /** Average rate of frames, not of fields. */
  fps: Fraction,
  /** The lowest rate that represents every timestamp exactly (ffprobe's `r_frame_rate`). */
  rateOfTimes: Fraction,
  isVariableFrameRate: v.boolean(),
  isInterlaced: v.boolean(),
  /** Which field of interlaced frames is shown first; `null` where the frames themselves say so. */
  fieldOrder: v.optional(v.nullable(v.picklist(['top', 'bottom'])), null),
  bitDepth: v.number(),
  pixFmt: v.string(),
  /** ffmpeg's names; `null` where the file does not contain them. */
  color: v.object({
    transfer: v.nullable(v.string()),
    primaries: v.nullable(v.string()),
    space: v.nullable(v.string()),
    range: v.nullable(v.string()),
  }),
  /** PQ (SMPTE ST 2084) or HLG (ARIB STD-B67). */
  isHdr: v.boolean(),
  ...extentEntries,
})

const ProbedAudio = v.object({
  index: v.number(),
  codec: v.string(),
  channels: v.number(),
  sampleRate: v.number(),
  ...extentEntries,
})

/**
 * A difference between the end that a file's header declares and that of its data, both in seconds after the file's start.
 * `cut`: the data breaks off. `incomplete`: it breaks off, and the index of the file lists what is missing. `header`: the
 * data is whole, as far as can be seen.
 */
const EndMismatch = v.object({
  kind: v.picklist(['cut', 'incomplete', 'header']),
  declaredSec: finite,
  actualSec: finite,
})
export type EndMismatch = v.InferOutput<typeof EndMismatch>

/**
 * Why a track cannot be encoded. `refused`: it is the content of the file, but protected or too large, so that an output
 * without it would not be what was wanted. `preview`: it shows what the file is about. `useless`: nothing of it can be
 * decoded; the file is encoded without it.
 */
const TrackProblem = v.object({ kind: v.picklist(['refused', 'preview', 'useless']), reason: v.string() })
export type TrackProblem = v.InferOutput<typeof TrackProblem>

/** A picture or sound track of a file, and whether it is encoded. */
const ListedTrack = v.object({
  index: v.number(),
  kind: v.picklist(['video', 'audio']),
  /** `null` where ffmpeg does not know it. */
  codec: v.nullable(v.string()),
  /** As the file names it; `null` where it is unknown. */
  language: v.nullable(v.string()),
  isChosen: v.boolean(),
  /** Why the track is not encoded. */
  reason: v.nullable(v.string()),
})
export type ListedTrack = v.InferOutput<typeof ListedTrack>

/**
 * The properties of a media file that encoding needs: those of its main picture and its main sound.
 * Workers exchange it, so that its field names never change.
 */
export const ProbedMedia = v.object({
  /** ffmpeg's name of the demuxer. */
  format: v.string(),
  durationSec: finite,
  sizeBytes: v.number(),
  bitRateKbps: v.nullable(finite),
  /** The time that ffmpeg maps to 0 when it reads the file. */
  startSec: finite,
  /** `null` where headers and data agree. Absent in probes of older workers. */
  endMismatch: v.optional(v.nullable(EndMismatch), null),
  video: v.nullable(ProbedVideo),
  audio: v.nullable(ProbedAudio),
  /** All picture and sound tracks; none in probes of older workers. */
  tracks: v.optional(v.array(ListedTrack), []),
  /** Why no picture, or no sound, can be encoded although the file has tracks of this kind. */
  problems: v.optional(v.object({ video: v.nullable(TrackProblem), audio: v.nullable(TrackProblem) }), {
    video: null,
    audio: null,
  }),
})
export type ProbedMedia = v.InferOutput<typeof ProbedMedia>

/**
 * The result of a probe. `invalid`: the file cannot be encoded, with a reason for its owner. `failed`: the probe failed
 * (no ffprobe, timeout, abort), and another attempt may succeed.
 */
export type MediaProbeResult =
  | { readonly kind: 'ok'; readonly probe: ProbedMedia }
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

/** Parses a fraction such as `30000/1001` or `4:3`; returns `null` where a part is 0 or missing. */
export function parseFraction(text: string | undefined): Fraction | null {
  const [, num, den] = /^(\d+)[/:](\d+)$/.exec(text ?? '') ?? []
  const fraction = { num: Number(num), den: Number(den) }
  return fraction.num > 0 && fraction.den > 0 ? fraction : null
}

/** Converts a fraction to a number. */
export function toNumber({ num, den }: Fraction): number {
  return num / den
}
