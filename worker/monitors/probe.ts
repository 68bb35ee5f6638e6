import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import { DETECTORS } from './detectors/list.ts'
import { createLook, type Look, type LookFailed, type TimedMedia, type View } from './look.ts'
import type { Depth } from './reading.ts'
import { canSample, showsNothing } from './sampling.ts'
import type { SegmentFindings, SideFindings, Sides } from './snapshot.ts'
import { findSide, joinBefore, startsInRun } from './spans.ts'

/** A segment to analyse. `isBroken`: it does not follow on the segment that was analysed before. */
export type SegmentMedia = TimedMedia & {
  readonly sides: Sides
  readonly isBroken: boolean
}

export type ProbeResult =
  | { readonly kind: 'seen'; readonly findings: SegmentFindings }
  | { readonly kind: 'failed'; readonly error: string }

/** Looks at the segments of one rendition, one after the other: a call must not begin before the last has ended. */
export type Probe = { analyse(segment: SegmentMedia, signal: AbortSignal): Promise<ProbeResult> }

/** Wall-clock time that a segment's analysis may take: twice its duration, within these bounds. */
const MIN_BUDGET_MS = 10_000
const MAX_BUDGET_MS = 120_000

const WHOLE_PICTURE: Depth = { picture: 'all', sound: false }

/**
 * Finds what the detectors look for, exact to a frame. A large picture is judged by its key frames as long as these
 * show nothing and nothing of a threshold's length fits between them; otherwise every frame is decoded, and those of
 * the segment before too where a run began there.
 */
export function createProbe({ ffmpegPath, config }: { ffmpegPath: string; config: MonitorConfig }): Probe {
  const detectors = DETECTORS.filter((detector) => config[detector.threshold] > 0)
  const thresholds = detectors.filter(({ side }) => side === 'picture').map(({ threshold }) => config[threshold])
  /** The segment before, where it was judged by its key frames. */
  let sampled: SegmentMedia | null = null
  /** What the next segment's picture is looked at for first; it will be as the last one was. */
  let pictureDepth: 'key' | 'all' = 'key'

  async function analyse(segment: SegmentMedia, signal: AbortSignal): Promise<ProbeResult> {
    const before = segment.isBroken ? null : sampled
    sampled = null
    const deadlineMs = performance.now() + budgetMs(segment.durationSec)
    const look = createLook({ ffmpegPath, config, detectors, deadlineMs, signal })
    const first = await look(segment, depthFor(segment.sides))
    if (first.kind === 'failed') return first
    const whole = segment.sides === 'sound' ? first : await lookCloser(segment, first, look)
    if (whole.kind === 'failed') return whole
    const picture = findSide('picture', detectors, whole)
    return {
      kind: 'seen',
      findings: {
        picture: segment.sides === 'sound' ? null : await withBeginning(picture, before, look),
        sound: segment.sides === 'picture' ? null : findSide('sound', detectors, first),
      },
    }
  }

  function depthFor(sides: Sides): Depth {
    return { picture: sides === 'sound' ? null : pictureDepth, sound: sides !== 'picture' }
  }

  /** Every frame of the picture, where its key frames are not enough. */
  async function lookCloser(segment: SegmentMedia, first: View, look: Look): Promise<View | LookFailed> {
    const wasSampled = pictureDepth === 'key'
    pictureDepth = canSample(first.reading, first.extents.picture, Math.min(...thresholds)) ? 'key' : 'all'
    if (!wasSampled) return first
    if (pictureDepth === 'all' || !showsNothing(first.reading.picture)) return look(segment, WHOLE_PICTURE)
    sampled = segment
    return first
  }

  /** Runs at the start of a segment, with what they had before it in a segment that was only sampled. */
  async function withBeginning(found: SideFindings, before: SegmentMedia | null, look: Look): Promise<SideFindings> {
    if (found.kind === 'absent' || before === null || !startsInRun(found)) return found
    const view = await look(before, WHOLE_PICTURE)
    return view.kind === 'failed' ? found : joinBefore(found, findSide('picture', detectors, view), before.durationSec)
  }

  return { analyse }
}

function budgetMs(durationSec: number): number {
  return Math.min(MAX_BUDGET_MS, Math.max(MIN_BUDGET_MS, 2000 * durationSec))
}
