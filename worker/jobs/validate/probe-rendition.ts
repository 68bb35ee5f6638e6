import { concatInput } from './ffmpeg-input.ts'
import { errorFinding, type Finding } from './findings.ts'
import { type OutputStream, probeOutput } from './probe-output.ts'
import { type ConcatenatedFile, type SegmentTiming, toSegmentTimings } from './segment-timing.ts'
import type { RenditionListing } from './set-listing.ts'
import type { ValidationContext } from './validation-context.ts'

/** Frames of all segments of a rendition; `null` where they were not counted, or there is no such track. */
export type FrameTotals = { readonly video: number | null; readonly audio: number | null }

const NOT_COUNTED: FrameTotals = { video: null, audio: null }

/** The streams of a rendition, and the timing of as many segments as the depth requires. */
export type ProbedRendition = {
  readonly streams: readonly OutputStream[]
  readonly segments: readonly SegmentTiming[]
  readonly totals: FrameTotals
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
  const depth = withPackets ? 'packets' : 'streams'
  let streams: readonly OutputStream[] = []
  const segments: SegmentTiming[] = []
  for (const positions of planRuns(listing.segments.length, hlsDepth)) {
    const files = selectFiles(listing, positions, context.sizes)
    const names = files.map(({ name }) => name)
    const result = await probeOutput(concatInput(context.plan.container, names), context, depth)
    if (result.kind === 'failed') {
      const findings = [errorFinding('FFPROBE_FAILED', names.at(0) ?? listing.file, `ffprobe ${result.reason}`)]
      return { streams, segments, totals: NOT_COUNTED, findings }
    }
    if (streams.length === 0) ({ streams } = result.probe)
    if (withPackets) segments.push(...toSegmentTimings(files, result.probe.streams, result.probe.packets))
  }
  const totals = hlsDepth === 'medium' ? await countFrames(listing, context) : sumFrames(segments)
  return { streams, segments, totals, findings: [] }
}

/** Counts the frames of all segments, without keeping them; not counted where ffprobe fails. */
async function countFrames(listing: RenditionListing, context: ValidationContext): Promise<FrameTotals> {
  let totals = NOT_COUNTED
  for (const positions of planRuns(listing.segments.length, 'full')) {
    const names = selectFiles(listing, positions, context.sizes).map(({ name }) => name)
    const result = await probeOutput(concatInput(context.plan.container, names), context, 'counts')
    if (result.kind === 'failed') return NOT_COUNTED
    const countOf = (kind: string) =>
      result.probe.streams.find(({ codec_type }) => codec_type === kind)?.nb_read_packets ?? null
    totals = { video: addCounts(totals.video, countOf('video')), audio: addCounts(totals.audio, countOf('audio')) }
  }
  return totals
}

/** Adds up the frames of segments; those of depth `basic` are none. */
function sumFrames(segments: readonly SegmentTiming[]): FrameTotals {
  return segments.reduce(
    ({ video, audio }, segment) => ({
      video: addCounts(video, segment.video?.frames ?? null),
      audio: addCounts(audio, segment.audio?.frames ?? null),
    }),
    NOT_COUNTED,
  )
}

function addCounts(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : a + b
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
