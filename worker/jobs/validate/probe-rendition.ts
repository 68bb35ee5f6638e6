import { concatInput } from './ffmpeg-input.ts'
import { errorFinding, type Finding } from './findings.ts'
import { type OutputStream, probeOutput } from './probe-output.ts'
import { type ConcatenatedFile, type SegmentTiming, toSegmentTimings } from './segment-timing.ts'
import type { RenditionListing } from './set-listing.ts'
import type { ValidationContext } from './validation-context.ts'

/** The streams of a rendition, and the timing of as many segments as the depth requires. */
export type ProbedRendition = {
  readonly streams: readonly OutputStream[]
  readonly segments: readonly SegmentTiming[]
  readonly findings: readonly Finding[]
}

/** Limits the packet list of one ffprobe run, however long the output is. */
const SEGMENTS_PER_RUN = 200

/**
 * Probes a rendition; all its files must exist.
 * @throws the signal's reason once it aborts
 */
export async function probeRendition(listing: RenditionListing, context: ValidationContext): Promise<ProbedRendition> {
  const { hlsDepth } = context.settings
  const withPackets = hlsDepth !== 'basic'
  let streams: readonly OutputStream[] = []
  const segments: SegmentTiming[] = []
  for (const positions of planRuns(listing.segments.length, hlsDepth)) {
    const files = selectFiles(listing, positions, context.sizes)
    const names = files.map(({ name }) => name)
    const result = await probeOutput(concatInput(context.plan.container, names), context, withPackets)
    if (result.kind === 'failed') {
      const findings = [errorFinding('FFPROBE_FAILED', names.at(0) ?? listing.file, `ffprobe ${result.reason}`)]
      return { streams, segments, findings }
    }
    if (streams.length === 0) ({ streams } = result.probe)
    if (withPackets) segments.push(...toSegmentTimings(files, result.probe.streams, result.probe.packets))
  }
  return { streams, segments, findings: [] }
}

/**
 * Returns the positions of the segments that each ffprobe run reads. `basic` needs the streams only. `medium` includes
 * the last two segments: a last segment of one or two frames may hold no audio.
 */
function planRuns(count: number, depth: ValidationContext['settings']['hlsDepth']): readonly (readonly number[])[] {
  if (depth === 'basic') return [[0]]
  if (depth === 'medium') return [[...new Set([0, Math.max(0, count - 2), count - 1])]]
  return Array.from({ length: Math.ceil(count / SEGMENTS_PER_RUN) }, (_, run) => {
    const first = run * SEGMENTS_PER_RUN
    return Array.from({ length: Math.min(SEGMENTS_PER_RUN, count - first) }, (_unused, i) => first + i)
  })
}

function selectFiles(
  { init, segments }: RenditionListing,
  positions: readonly number[],
  sizes: ReadonlyMap<string, number>,
): readonly ConcatenatedFile[] {
  const bytesOf = (name: string) => sizes.get(name) ?? 0
  const initFiles = init === null ? [] : [{ position: null, name: init, bytes: bytesOf(init), declaredSec: 0 }]
  const segmentFiles = positions.flatMap((position) => {
    const segment = segments[position]
    if (segment === undefined) return []
    return [{ position, name: segment.name, bytes: bytesOf(segment.name), declaredSec: segment.durationSec }]
  })
  return [...initFiles, ...segmentFiles]
}
