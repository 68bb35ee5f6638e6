/**
 * Encoding presets as data: no text of a preset is passed to a program as it stands. The gateway reads them from
 * `presets.yaml`, and passes a job's worker the one that it uses.
 */

import * as v from 'valibot'

function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message))
}

/** `mp4`: one file. `hls`: MPEG-2 TS segments. `dash`: fMP4. `cmaf`: one set of fMP4 behind both HLS and DASH. */
export const Container = v.picklist(['mp4', 'hls', 'dash', 'cmaf'], 'must be mp4, hls, dash or cmaf')
export type Container = v.InferOutput<typeof Container>

export const VideoCodec = v.picklist(['h264', 'h265', 'av1'], 'must be h264, h265 or av1')
export type VideoCodec = v.InferOutput<typeof VideoCodec>

/** One rung of the ladder, encoded by quality (`crf`, on the encoder's own scale) or by bit rate, never both. */
const PresetRendition = v.pipe(
  v.strictObject({
    height: wholeNumber(64, 4320),
    crf: v.optional(v.nullable(wholeNumber(0, 63)), null),
    /** Average bit rate in kbit/s. */
    kbps: v.optional(v.nullable(wholeNumber(50, 200_000)), null),
  }),
  v.check(({ crf, kbps }) => (crf === null) !== (kbps === null), 'must have either crf or kbps'),
)
type PresetRendition = v.InferOutput<typeof PresetRendition>

const SPEED = 'must be an x264 or x265 preset from ultrafast to slow, or for av1 a number from "4" to "12"'

export const PresetVideo = v.pipe(
  v.strictObject({
    codec: VideoCodec,
    /** Speed of the encoder: the name of an x264 or x265 preset, or the number of an SVT-AV1 preset. */
    speed: v.picklist(
      [
        'ultrafast',
        'superfast',
        'veryfast',
        'faster',
        'fast',
        'medium',
        'slow',
        '4',
        '5',
        '6',
        '7',
        '8',
        '9',
        '10',
        '11',
        '12',
      ],
      SPEED,
    ),
    /** From tallest to smallest. */
    renditions: v.pipe(
      v.array(PresetRendition),
      v.minLength(1, 'must have at least one rendition'),
      v.maxLength(8, 'must not have more than 8 renditions'),
      v.check(
        (all) => all.every(({ height }, i) => height < (all[i - 1]?.height ?? Infinity)),
        'must go from tall to small',
      ),
    ),
  }),
  v.forward(
    v.check(({ codec, speed }) => (codec === 'av1') === /^\d+$/.test(speed), SPEED),
    ['speed'],
  ),
)
export type PresetVideo = v.InferOutput<typeof PresetVideo>

export const PresetAudio = v.strictObject({ codec: v.literal('aac', 'must be aac'), kbps: wholeNumber(16, 512) })
export type PresetAudio = v.InferOutput<typeof PresetAudio>

export const Preset = v.pipe(
  v.strictObject({
    description: v.pipe(v.string(), v.nonEmpty('must not be empty'), v.maxLength(300)),
    container: Container,
    /** Segment length; `null` for containers without segments. */
    segment_sec: v.optional(v.nullable(wholeNumber(1, 30)), null),
    video: v.nullable(PresetVideo),
    audio: v.nullable(PresetAudio),
  }),
  v.check(({ video, audio }) => video !== null || audio !== null, 'must have video or audio'),
  v.check(
    ({ container, segment_sec }) => (container === 'mp4') === (segment_sec === null),
    'must have segment_sec where it is hls, dash or cmaf, and only there',
  ),
  v.forward(
    v.check(
      ({ container, video }) => container !== 'hls' || (video?.codec ?? 'h264') === 'h264',
      'must be h264 where it is hls: MPEG-2 TS carries no other to browsers; use cmaf',
    ),
    ['video'],
  ),
  v.check(
    ({ container, video }) => container !== 'mp4' || video === null || video.renditions.length === 1,
    'must have one rendition where it is mp4',
  ),
)
export type Preset = v.InferOutput<typeof Preset>

/** The form of a stored output. */
export const OutputType = v.picklist(['single', 'hls', 'dash'], 'must be single, hls or dash')
export type OutputType = v.InferOutput<typeof OutputType>

/** Returns the output types of a preset, the main one first: a CMAF set is `hls` and holds a DASH manifest too. */
export function listOutputTypes({ container }: Pick<Preset, 'container'>): readonly [OutputType, ...OutputType[]] {
  if (container === 'cmaf') return ['hls', 'dash']
  return [container === 'mp4' ? 'single' : container]
}
