/**
 * Finds the rate at which progressive frames were filmed, where repeated fields stretch it to another one (soft telecine:
 * `repeat_first_field` of ISO/IEC 13818-2 §6.3.10, `pic_struct` of ITU-T H.264 §D.2.3).
 */
import type { FfprobeStream } from './ffprobe-output.ts'
import { parseFraction, toNumber } from './probed-media.ts'
import type { SampledFrame } from './scan-type.ts'

/** Share of frames with a repeated field: one in two of 3:2 pulldown, one in twelve of 24 frames shown as 25. */
const MIN_REPEATED_SHARE = 0.06
/** Fewer frames show no cadence. */
const MIN_FRAMES = 12
/** The rates differ by 4 %, and those that differ by less by their denominators. */
const RATE_TOLERANCE = 0.02
const FILM_RATES = { ntsc: ['24000/1001', '30000/1001'], whole: ['24/1', '25/1', '30/1'] }

/** Returns the film's rate, as a fraction, by frames that follow one another; `null` where no fields are repeated. */
export function findFilmRate(stream: FfprobeStream, frames: readonly SampledFrame[]): string | null {
  const times = frames.flatMap(({ timeSec }) => (timeSec === null ? [] : [timeSec]))
  if (times.length < MIN_FRAMES || !hasRepeatedFields(frames)) return null
  const rate = (times.length - 1) / ((times.at(-1) ?? 0) - (times[0] ?? 0))
  const shownRate = parseFraction(stream.r_frame_rate) ?? parseFraction(stream.avg_frame_rate)
  const rates = shownRate?.den === 1 ? FILM_RATES.whole : FILM_RATES.ntsc
  return rates.find((text) => isNear(rate, text)) ?? null
}

/** Returns whether fields are repeated at other places too, as far as frames could be read there. */
export function isCadenceKept(frames: readonly SampledFrame[]): boolean {
  return frames.length < MIN_FRAMES || hasRepeatedFields(frames)
}

function hasRepeatedFields(frames: readonly SampledFrame[]): boolean {
  return frames.filter(({ repeatedFields }) => repeatedFields > 0).length >= frames.length * MIN_REPEATED_SHARE
}

function isNear(rate: number, text: string): boolean {
  const film = parseFraction(text)
  return film !== null && Math.abs(rate / toNumber(film) - 1) < RATE_TOLERANCE
}
