import type { TimedPicture } from './detection-spans.ts'
import type { DetectionSpan } from './findings.ts'

/**
 * A run of pictures that do not change, on the clock of a segment. It begins with the last picture that did change;
 * `hasFollowers`: at least one came after it. `isReported`: it was long enough to be a frozen picture before.
 */
export type StillRun = { readonly fromSec: number; readonly hasFollowers: boolean; readonly isReported: boolean }

/** A shorter run is a calm moment, unless the threshold is shorter still. */
const MIN_FROZEN_SEC = 5
/** After a restart or a gap a run is known from its segment's start on: it must cover most of that. */
const MIN_SHARE = 0.8

type StillRunOptions = {
  /** The run that the previous segment ended with; `null` where that is unknown or was black. */
  readonly before: StillRun | null
  readonly fromSec: number
  readonly toSec: number
  readonly thresholdSec: number
}

/**
 * Returns where the picture is frozen in a segment between two times, and the run at its end. Black pictures are not
 * frozen. A reported run has no known start, one without an end no known end: they extend to infinity.
 */
export function findFrozenSpans(
  pictures: readonly TimedPicture[],
  { before, fromSec, toSec, thresholdSec }: StillRunOptions,
): { readonly spans: readonly DetectionSpan[]; readonly run: StillRun | null } {
  const spans: DetectionSpan[] = []
  const minSec = Math.min(MIN_FROZEN_SEC, thresholdSec)
  const firstSec = before === null ? pictures[0]?.sec : undefined
  const isFrozen = (run: StillRun | null, endSec: number): run is StillRun => {
    if (run === null || !run.hasFollowers) return false
    const neededSec = run.fromSec === firstSec ? Math.min(minSec, (toSec - fromSec) * MIN_SHARE) : minSec
    return run.isReported || endSec - run.fromSec >= neededSec
  }
  let open = before
  for (const { sec, isBlack, isStill } of pictures) {
    if (isStill && !isBlack) open = { ...(open ?? { fromSec: sec, isReported: false }), hasFollowers: true }
    else {
      const ended: StillRun | null = open
      if (isFrozen(ended, sec)) spans.push({ fromSec: startOf(ended), toSec: sec })
      open = isBlack ? null : { fromSec: sec, hasFollowers: false, isReported: false }
    }
  }
  const last: StillRun | null = open
  if (!isFrozen(last, toSec)) return { spans, run: open }
  return { spans: [...spans, { fromSec: startOf(last), toSec: Infinity }], run: { ...last, isReported: true } }
}

function startOf({ isReported, fromSec }: StillRun): number {
  return isReported ? -Infinity : fromSec
}
