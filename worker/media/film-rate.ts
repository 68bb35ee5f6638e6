/**
 * Finds the rate at which progressive frames were filmed, where repeated fields stretch it to another one (soft telecine:
 * `repeat_first_field` of ISO/IEC 13818-2 §6.3.10, `pic_struct` of ITU-T H.264 §D.2.3).
 */
import type { FfprobeStream } from './ffprobe-output.ts'
import { parseFraction, toNumber } from './probed-media.ts'
import type { SampledFrame } from './scan-type.ts'

/** Share of frames with a repeated field: one in two of 3:2 pulldown, one in twelve of 24 frames shown as 25. */
const MIN_REPEATED_SHARE = 0.06
/** Frames that show a cadence, and more frames than a cadence has before it repeats. */
const MIN_FRAMES = 12
/** The rates differ by 4 %, and those that differ by less by their denominators. */
const RATE_TOLERANCE = 0.02
/** Frames that follow one another are less apart. */
const MAX_STEP_SEC = 0.5
const FILM_RATES = { ntsc: ['24000/1001', '30000/1001'], whole: ['24/1', '25/1', '30/1'] }

/** Returns the film's rate as a fraction; `null` where no fields are repeated, or not everywhere. */
export function findFilmRate(stream: FfprobeStream, frames: readonly SampledFrame[]): string | null {
  const first = takeConsecutive(frames)
  const further = frames.slice(first.length)
  const isCadence = hasRepeatedFields(first) && (further.length < MIN_FRAMES || hasRepeatedFields(further))
  if (first.length < MIN_FRAMES || !isCadence || frames.some(({ isInterlaced }) => isInterlaced)) return null
  const spanSec = (first.at(-1)?.timeSec ?? 0) - (first[0]?.timeSec ?? 0)
  const rate = (first.length - 1) / spanSec
  const shownRate = parseFraction(stream.r_frame_rate) ?? parseFraction(stream.avg_frame_rate)
  const rates = shownRate?.den === 1 ? FILM_RATES.whole : FILM_RATES.ntsc
  return rates.find((text) => isNear(rate, text)) ?? null
}

/** Returns the frames before the first gap between two places. */
function takeConsecutive(frames: readonly SampledFrame[]): readonly SampledFrame[] {
  const end = frames.findIndex(({ timeSec }, i) => {
    const stepSec = (timeSec ?? Number.NaN) - (frames[i - 1]?.timeSec ?? Number.NaN)
    return i > 0 && !(stepSec > 0 && stepSec < MAX_STEP_SEC)
  })
  return end === -1 ? frames : frames.slice(0, end)
}

function hasRepeatedFields(frames: readonly SampledFrame[]): boolean {
  return frames.filter(({ repeatedFields }) => repeatedFields > 0).length >= frames.length * MIN_REPEATED_SHARE
}

function isNear(rate: number, text: string): boolean {
  const film = parseFraction(text)
  return film !== null && Math.abs(rate / toNumber(film) - 1) < RATE_TOLERANCE
}
