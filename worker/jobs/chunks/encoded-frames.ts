import type { Rational } from '../output-plan.ts'
import { HEADROOM_SEC } from './fragments.ts'
import type { Picture } from './picture.ts'

/**
 * What is wrong with encoded frames, `null` if nothing: they must be those of the output's grid from `first` up to
 * `end`, one for each place, at its time to the tick.
 */
export function framesProblem({ timeBase, packets }: Picture, fps: Rational, of: { first: number; end: number }) {
  const expected = of.end - of.first
  if (packets.length !== expected) return `has ${packets.length} frames, not ${expected}`
  const perFrame = (timeBase.den * fps.den) / fps.num
  const zero = HEADROOM_SEC * timeBase.den
  const times = packets.map(({ pts }) => pts).toSorted((a, b) => a - b)
  const strayed = times.findIndex((pts, i) => Math.abs(pts - zero - (of.first + i) * perFrame) > 0.5)
  return strayed < 0 ? null : `has another time at its frame ${of.first + strayed}`
}
