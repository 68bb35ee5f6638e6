import type { ViewerCurve } from '../broadcasts/present.ts'

/** The viewers of a broadcast in each minute on the air. */
export type ViewerMinutes = ViewerCurve['viewers']

/** A curve as a chart draws it. */
export type DrawnCurve = {
  /** Points of a polyline, and of the area below it. */
  readonly line: string
  readonly area: string
  /** The first minute with the most viewers, and where it lies in the chart, from 0 to 1. */
  readonly peak: { readonly count: number; readonly minute: string; readonly x: number }
}

/** The size of the chart's drawing. */
export const CURVE_SIZE = { width: 600, height: 120 } as const

const MINUTE_MS = 60_000
/** Space above the peak. */
const TOP = 6

/** Returns the curve of the viewers of a broadcast; `null` before its second minute. Minutes off the air have none. */
export function drawCurve(minutes: ViewerMinutes): DrawnCurve | null {
  const [first] = minutes
  const last = minutes.at(-1)
  if (first === undefined || last === undefined || minutes.length < 2) return null
  const { width, height } = CURVE_SIZE
  const peak = minutes.reduce((most, one) => (one.count > most.count ? one : most), first)
  const [from, until] = [Date.parse(first.minute), Date.parse(last.minute)]
  const shareOf = (minute: string) => (Date.parse(minute) - from) / (until - from)
  const yOf = (count: number) => height - (count / Math.max(peak.count, 1)) * (height - TOP)
  const point = (x: number, y: number) => `${(x * width).toFixed(1)},${y.toFixed(1)}`
  const points = minutes.flatMap(({ minute, count }, at) => {
    const before = minutes[at - 1]
    const isGap = before !== undefined && Date.parse(minute) - Date.parse(before.minute) > MINUTE_MS
    const gap = isGap ? [point(shareOf(before.minute), height), point(shareOf(minute), height)] : []
    return [...gap, point(shareOf(minute), yOf(count))]
  })
  return {
    line: points.join(' '),
    area: [point(0, height), ...points, point(1, height)].join(' '),
    peak: { count: peak.count, minute: peak.minute, x: shareOf(peak.minute) },
  }
}
