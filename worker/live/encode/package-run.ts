import type { Clock } from '../../platform/clock.ts'
import { createFragmentReader, type SessionFragment } from '../package/fragment-reader.ts'
import type { InitSegment } from '../package/init-segment.ts'
import { createRungJoiner, type JoinedSegment } from '../package/join-rungs.ts'
import { createRungPackager, type PackagedPart, type PackagedSegment } from '../package/rung-packager.ts'

/** The lag of the newest packaged frame, in ms. */
export type FrameLag = {
  /** Time since the frame arrived at the ingest, by its timestamp. */
  readonly sinceArrivalMs: number
  /** The part of it that passed in this worker: without the time by which the source itself is late. */
  readonly inWorkerMs: number
}

/** Receives what a run makes. Parts and segments have numbers within the run. */
export type RunOutputs = {
  /** Receives the initialization segments of all rungs, once, before the first segment. */
  onInits(inits: readonly InitSegment[]): void
  onPart(rung: number, part: PackagedPart, init: InitSegment | undefined): void
  onSegment(segment: JoinedSegment, inits: readonly InitSegment[]): void
  onLag(lag: FrameLag): void
}

/** Turns the outputs of an encoder's pipes into parts and segments. */
export type RunPackaging = {
  /**
   * Adds the next bytes of a rung's pipe.
   * @throws RangeError or MisalignedRungsError where they cannot be packaged
   */
  push(rung: number, bytes: Buffer): void
  /** Ends all rungs with their last segments; `endsAtFrame`: without the sound behind the last frame. */
  end(endsAtFrame: boolean): void
  /** Makes the segment that is open now the last one. Later parts are not announced. */
  cut(): void
  /** Returns whether the last segment is complete. */
  isCut(): boolean
  /** Returns the end of what all rungs have packaged, in ms of the session, and when the last part came. */
  progress(): { readonly endMs: number; readonly atMs: number }
}

export type PackagingOptions = {
  readonly rungCount: number
  /** Time of the run's first frame, in ms of the session. */
  readonly startMs: number
  readonly leastMs: (segment: number) => number
  /** Unix time in ms of timestamp 0. */
  readonly baseMs: number
  /** Returns by how much the source is late, in ms. */
  readonly measureDelayMs: () => number
  readonly outputs: RunOutputs
  readonly clock: Clock
}

/** Creates the packaging of a run. */
export function createRunPackaging(options: PackagingOptions): RunPackaging {
  const { rungCount, startMs, outputs, clock } = options
  const rungs = Array.from({ length: rungCount }, () => ({
    reader: createFragmentReader(startMs),
    packager: createRungPackager(startMs, options.leastMs),
  }))
  const joiner = createRungJoiner(rungCount)
  const inits: InitSegment[] = []
  const endsMs = rungs.map(() => startMs)
  let progressAtMs = clock.nowMs()
  let openSegment = 0
  let lastSegment = Infinity
  let isCut = false

  function addInit(rung: number, init: InitSegment): void {
    inits[rung] = init
    if (rungs.every((_, index) => inits[index] !== undefined)) outputs.onInits(inits)
  }

  function addFragment(rung: number, fragment: SessionFragment): void {
    const added = rungs[rung]?.packager.add(fragment)
    if (added === undefined) return
    addSegment(rung, added.ended)
    progressAtMs = clock.nowMs()
    endsMs[rung] = added.part.endMs
    if (fragment.frames > 0) reportLag()
    if (added.part.segment > lastSegment) return
    openSegment = Math.max(openSegment, added.part.segment)
    outputs.onPart(rung, added.part, inits[rung])
  }

  /** Reports the lag of the newest frame. While a picture stands still, sound goes on, and the lag of its last frame says nothing. */
  function reportLag(): void {
    const sinceArrivalMs = Math.max(0, progressAtMs - (options.baseMs + Math.min(...endsMs)))
    outputs.onLag({ sinceArrivalMs, inWorkerMs: Math.max(0, sinceArrivalMs - options.measureDelayMs()) })
  }

  function addSegment(rung: number, segment: PackagedSegment | null): void {
    const joined = segment === null ? null : joiner.add(rung, segment)
    if (joined === null || joined.segment > lastSegment) return
    outputs.onSegment(joined, inits)
    isCut ||= joined.segment === lastSegment
  }

  return {
    push: (rung, bytes) => {
      for (const media of rungs[rung]?.reader.push(bytes) ?? []) {
        if (media.kind === 'init') addInit(rung, media.init)
        else addFragment(rung, media.fragment)
      }
    },
    end: (endsAtFrame) => {
      for (const [rung, { packager }] of rungs.entries()) addSegment(rung, packager.end(endsAtFrame))
    },
    cut: () => (lastSegment = Math.min(lastSegment, openSegment)),
    isCut: () => isCut,
    progress: () => ({ endMs: Math.min(...endsMs), atMs: progressAtMs }),
  }
}
