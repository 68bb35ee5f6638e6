import type { Environment } from './environment.ts'
import { fault, type Finding } from './findings.ts'
import { partsInput } from './input.ts'
import { readMedia, type Stream } from './media.ts'
import { type Part, type SegmentMedia, toSegmentMedia } from './spans.ts'
import type { Listing } from './track.ts'

/** What was read of a rendition: its tracks, and as many of its segments as the depth asks for. */
export type RenditionMedia = {
  readonly streams: readonly Stream[]
  readonly segments: readonly SegmentMedia[]
  readonly findings: readonly Finding[]
}

/** So many segments are read by one run: what it writes of their packets stays small, however long the output. */
const SEGMENTS_PER_RUN = 200

/** Reads a rendition whose files are all there. Throws where the signal aborts. */
export async function readRendition(listing: Listing, environment: Environment): Promise<RenditionMedia> {
  const { hlsDepth } = environment.settings
  const runs = runsOf(listing.segments.length, hlsDepth)
  let streams: readonly Stream[] = []
  const segments: SegmentMedia[] = []
  for (const run of runs) {
    const parts = toParts(listing, run, environment.sizes)
    const names = parts.map(({ name }) => name)
    const reading = await readMedia(partsInput(environment.plan.container, names), environment, hlsDepth !== 'basic')
    if (reading.kind === 'failed') {
      const findings = [fault('FFPROBE_FAILED', names.at(0) ?? listing.file, `ffprobe ${reading.reason}`)]
      return { streams, segments, findings }
    }
    if (streams.length === 0) ({ streams } = reading.media)
    if (hlsDepth !== 'basic') segments.push(...toSegmentMedia(parts, reading.media.streams, reading.media.packets))
  }
  return { streams, segments, findings: [] }
}

/**
 * Places of the segments that each run reads. `basic` needs the tracks only; `medium` takes the first and the last two,
 * for where the last is a frame or two, the sound may end in the one before.
 */
function runsOf(count: number, depth: Environment['settings']['hlsDepth']): readonly (readonly number[])[] {
  if (depth === 'basic') return [[0]]
  if (depth === 'medium') return [[...new Set([0, Math.max(0, count - 2), count - 1])]]
  return Array.from({ length: Math.ceil(count / SEGMENTS_PER_RUN) }, (_, run) => {
    const from = run * SEGMENTS_PER_RUN
    return Array.from({ length: Math.min(SEGMENTS_PER_RUN, count - from) }, (_unused, i) => from + i)
  })
}

function toParts(
  { init, segments }: Listing,
  places: readonly number[],
  sizes: ReadonlyMap<string, number>,
): readonly Part[] {
  const bytesOf = (name: string) => sizes.get(name) ?? 0
  const head = init === null ? [] : [{ at: null, name: init, bytes: bytesOf(init), saidSec: 0 }]
  const body = places.flatMap((at) => {
    const segment = segments[at]
    return segment === undefined
      ? []
      : [{ at, name: segment.name, bytes: bytesOf(segment.name), saidSec: segment.durationSec }]
  })
  return [...head, ...body]
}
