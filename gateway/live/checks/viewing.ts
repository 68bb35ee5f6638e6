/** What a viewer has seen, judged by the frame numbers in the pictures. Pure. */

/** A picture that was shown: its frame number, when, in ms of the unix time, and its time in the media, in seconds. */
export type ShownPicture = { readonly number: number; readonly atMs: number; readonly mediaSec: number }

/** What has happened to the video: `waiting`, `seeking` … */
export type ViewingEvent = { readonly type: string; readonly atMs: number }

/** What a page has shown, in order. */
export type Viewing = { readonly pictures: readonly ShownPicture[]; readonly events: readonly ViewingEvent[] }

/** Returns the middle of some values; `NaN` of none. */
export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** Returns how long each frame took from the encoder to the screen, in seconds; each is measured once. */
export function measureDelays(viewing: Viewing, sentAtMs: (number: number) => number | null): readonly number[] {
  const firstShown = new Map<number, number>()
  for (const { number, atMs } of viewing.pictures) if (!firstShown.has(number)) firstShown.set(number, atMs)
  return [...firstShown].flatMap(([number, atMs]) => {
    const sentMs = sentAtMs(number)
    return sentMs === null ? [] : [(atMs - sentMs) / 1000]
  })
}

/** Returns the longest time for which a picture stood still, in seconds. */
export function findLongestFreeze({ pictures }: Viewing): number {
  const changes = pictures.filter(({ number }, i) => number !== pictures[i - 1]?.number)
  return Math.max(0, ...changes.slice(1).map(({ atMs }, i) => (atMs - (changes[i]?.atMs ?? atMs)) / 1000))
}

/** A place where frames are missing for the viewer. */
export type FrameGap = { readonly before: number; readonly after: number }

/** A browser that is busy draws not every frame: then the numbers go on as far as the media time does. */
const TOLERANCE_FRAMES = 1.5

/**
 * Returns where the picture has jumped: the media do not hold the frames between, or the player has gone on elsewhere.
 * Frames that the browser has not drawn are none.
 */
export function findGaps({ pictures, events }: Viewing, fps: number): readonly FrameGap[] {
  const seeks = events.filter(({ type }) => type === 'seeking')
  return pictures.slice(1).flatMap((picture, i) => {
    const before = pictures[i] ?? picture
    const frames = picture.number - before.number
    const isAsLong = Math.abs(frames - (picture.mediaSec - before.mediaSec) * fps) <= TOLERANCE_FRAMES
    const hasSought = seeks.some(({ atMs }) => atMs > before.atMs && atMs <= picture.atMs)
    const isGap = frames < 0 || frames > 1
    return isGap && (!isAsLong || hasSought) ? [{ before: before.number, after: picture.number }] : []
  })
}

/** Returns the numbers that are missing in `found`, of those from `from` to `until`. */
export function findMissing(found: readonly number[], from: number, until: number): readonly number[] {
  const all = new Set(found)
  return Array.from({ length: Math.max(0, until - from) }, (_, i) => from + i).filter((number) => !all.has(number))
}

/** Describes numbers as ranges: `3–5, 9`. */
export function describeNumbers(numbers: readonly number[]): string {
  const starts = numbers.filter((number, i) => number !== (numbers[i - 1] ?? Number.NaN) + 1)
  const ranges = starts.map((start, i) => {
    const within = numbers.filter((number) => number >= start && number < (starts[i + 1] ?? Infinity))
    const last = within.at(-1) ?? start
    return last === start ? String(start) : `${start}–${last}`
  })
  return ranges.join(', ')
}
