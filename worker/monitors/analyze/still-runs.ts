import type { TimedPicture } from './detection-spans.ts'
import type { DetectionSpan } from './findings.ts'

/**
 * A run of pictures that do not change, on the clock of a segment. It begins with the last picture that did.
 * `isReported`: it was long enough to be a frozen picture at the end of the previous segment.
 */
export type StillRun = { readonly fromSec: number; readonly isReported: boolean }

/** A shorter run is a calm moment. */
const MIN_FROZEN_SEC = 2
/** After a restart or a gap a run is known from its segment's start on: it must cover most of that. */
const MIN_SHARE = 0.8

type StillRunOptions = {
  /** The run that the previous segment ended with. */
  readonly before: StillRun | null
  readonly fromSec: number
  readonly toSec: number
}

/**
 * Returns where the picture is frozen in a segment between two times, and the run at its end. Black pictures are not
 * frozen. A reported run has no known start, one without an end no known end: they extend to infinity.
 */
export function findFrozenSpans(
  pictures: readonly TimedPicture[],
  { before, fromSec, toSec }: StillRunOptions,
): { readonly spans: readonly DetectionSpan[]; readonly run: StillRun | null } {
  const spans: DetectionSpan[] = []
  const minSec = Math.min(MIN_FROZEN_SEC, (toSec - fromSec) * MIN_SHARE)
  let run: OpenRun | null = before === null ? null : { ...before, hasFollowers: true }
  for (const { sec, isBlack, isStill } of pictures) {
    if (isStill && !isBlack) run = { ...(run ?? { fromSec: sec, isReported: false }), hasFollowers: true }
    else {
      if (isFrozen(run, sec, minSec)) spans.push({ fromSec: startOf(run), toSec: sec })
      run = isBlack ? null : { fromSec: sec, isReported: false, hasFollowers: false }
    }
  }
  const isOpen = isFrozen(run, toSec, minSec)
  if (isOpen) spans.push({ fromSec: startOf(run), toSec: Infinity })
  return { spans, run: run === null ? null : { fromSec: run.fromSec, isReported: isOpen } }
}

/** `hasFollowers`: at least one picture was equal to its first one. */
type OpenRun = StillRun & { readonly hasFollowers: boolean }

function isFrozen(run: OpenRun | null, endSec: number, minSec: number): boolean {
  return run !== null && run.hasFollowers && (run.isReported || endSec - run.fromSec >= minSec)
}

function startOf(run: OpenRun | null): number {
  return run === null || run.isReported ? -Infinity : run.fromSec
}
