import * as v from 'valibot'

/** A fraction, as frame rates are: 30000/1001. */
const Rational = v.object({ num: v.number(), den: v.number() })
type Rational = v.InferOutput<typeof Rational>

const finite = v.pipe(v.number(), v.finite())

/** A track's place on the file's clock; `startSec` may be below 0. */
const Extent = { startSec: finite, durationSec: finite }

const ProbedVideo = v.object({
  /** Of the track in its file: `0:INDEX` to ffmpeg. */
  index: v.number(),
  codec: v.string(),
  /** As it is shown: with square pixels and after rotation. */
  width: v.number(),
  height: v.number(),
  /** Degrees, clockwise, from 0 to 359. */
  rotation: v.number(),
  /** On average, frames and not fields. */
  fps: Rational,
  /** The lowest rate at which every time stamp can be told exactly (ffprobe's `r_frame_rate`). */
  rateOfTimes: Rational,
  isVariableFrameRate: v.boolean(),
  isInterlaced: v.boolean(),
  bitDepth: v.number(),
  pixFmt: v.string(),
  /** ffmpeg's names; `null` where the file does not say. */
  color: v.object({
    transfer: v.nullable(v.string()),
    primaries: v.nullable(v.string()),
    space: v.nullable(v.string()),
    range: v.nullable(v.string()),
  }),
  /** PQ (SMPTE ST 2084) or HLG (ARIB STD-B67). */
  isHdr: v.boolean(),
  ...Extent,
})

const ProbedAudio = v.object({
  index: v.number(),
  codec: v.string(),
  channels: v.number(),
  sampleRate: v.number(),
  ...Extent,
})

/** What a media file holds, as far as encoding it needs to know: its first picture track and its main sound track. */
export const Probe = v.object({
  /** ffmpeg's name of the demuxer. */
  format: v.string(),
  durationSec: finite,
  sizeBytes: v.number(),
  bitRateKbps: v.nullable(finite),
  /** What ffmpeg takes for 0 when it reads the file. */
  startSec: finite,
  /** The clock is set anew in the middle: a time does not say where in the file it is. */
  isClockReset: v.optional(v.boolean()),
  video: v.nullable(ProbedVideo),
  audio: v.nullable(ProbedAudio),
})
export type Probe = v.InferOutput<typeof Probe>

/** Parses `30000/1001`; `null` for `0/0` and whatever else is no rate. */
export function toRational(text: string | undefined): Rational | null {
  const [, num, den] = /^(\d+)[/:](\d+)$/.exec(text ?? '') ?? []
  const rational = { num: Number(num), den: Number(den) }
  return rational.num > 0 && rational.den > 0 ? rational : null
}

/** The number that a fraction stands for. */
export function toNumber({ num, den }: Rational): number {
  return num / den
}
