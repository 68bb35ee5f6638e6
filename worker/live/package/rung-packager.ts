import type { SessionFragment } from './fragment-reader.ts'

/** A part of a segment: one fragment. */
export type PackagedPart = {
  /** Number of its segment within the run, from 0. */
  readonly segment: number
  /** Number within the segment, from 0. */
  readonly part: number
  /** Its begin and end in ms of the session. */
  readonly startMs: number
  readonly endMs: number
  readonly durationSec: number
  readonly isIndependent: boolean
  readonly bytes: Buffer
}

/** A complete segment of one rung. */
export type PackagedSegment = {
  readonly segment: number
  readonly startMs: number
  readonly endMs: number
  readonly frames: number
  readonly parts: readonly Buffer[]
}

export type RungPackager = {
  /** Adds a fragment; returns the segment that it ends, if any, and the part that it is. */
  add(fragment: SessionFragment): { readonly ended: PackagedSegment | null; readonly part: PackagedPart }
  /**
   * Returns the last segment, however short; `null` where there is none. `endsAtFrame`: without the parts behind its last
   * frame, whose sound would last into the next run.
   */
  end(endsAtFrame: boolean): PackagedSegment | null
}

type OpenSegment = Omit<PackagedSegment, 'segment'> & {
  /** How many parts there are up to the last frame. */
  readonly partsWithFrames: number
}

/**
 * Creates the packager of a rung. A segment ends where the next fragment begins with a key frame and the segment has its
 * least length, which `leastMs` returns by its number, in ms.
 */
export function createRungPackager(startMs: number, leastMs: (segment: number) => number): RungPackager {
  let open: OpenSegment | null = null
  let segments = 0

  function endsSegment({ isIndependent, beginMs }: SessionFragment): boolean {
    return open !== null && isIndependent && beginMs !== null && beginMs - open.startMs >= leastMs(segments)
  }

  function closeSegment(endMs: number | null): PackagedSegment | null {
    if (open === null) return null
    const { startMs: beganMs, frames, parts } = open
    const ended = { segment: segments, startMs: beganMs, endMs: endMs ?? open.endMs, frames, parts }
    segments += 1
    open = null
    return ended
  }

  function addPart({ beginMs, bytes, durationSec, frames, isIndependent }: SessionFragment): PackagedPart {
    const partStartMs = beginMs ?? open?.endMs ?? startMs
    // Sound alone does not extend a segment.
    const endMs = beginMs === null ? partStartMs : Math.round(beginMs + durationSec * 1000)
    const before = open ?? { startMs: partStartMs, endMs, frames: 0, parts: [], partsWithFrames: 0 }
    const part = before.parts.length
    open = {
      startMs: before.startMs,
      endMs: Math.max(before.endMs, endMs),
      frames: before.frames + frames,
      parts: [...before.parts, bytes],
      partsWithFrames: frames > 0 ? part + 1 : before.partsWithFrames,
    }
    return { segment: segments, part, startMs: partStartMs, endMs, durationSec, isIndependent, bytes }
  }

  return {
    add: (fragment) => {
      const ended = endsSegment(fragment) ? closeSegment(fragment.beginMs) : null
      return { ended, part: addPart(fragment) }
    },
    end: (endsAtFrame) => {
      if (open !== null && endsAtFrame) open = { ...open, parts: open.parts.slice(0, open.partsWithFrames) }
      return closeSegment(null)
    },
  }
}
