import { readFile } from 'node:fs/promises'

import { expect } from 'vitest'

import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import { createProbe, type ProbeResult, type SegmentMedia } from '../monitors/probe.ts'
import type { Span } from '../monitors/snapshot.ts'
import type { Clip, ClipOptions } from './media.ts'
import { CONFIG } from './story.ts'

/** One frame of these clips, and how exact sound is found. */
export const FRAME_SEC = 1 / 30
export const SOUND_SEC = 0.05
const never = new AbortController().signal
/** A clip whose picture is decoded in full. */
export const small: ClipOptions = { segmentSec: 2, fps: 30, size: '426x240', container: 'ts' }
/** A clip's segments as a source would hand them on. */
export async function readSegments(clip: Clip): Promise<SegmentMedia[]> {
  const map = clip.initPath === null ? null : await readFile(clip.initPath)
  const read = async ({ path, durationSec }: Clip['segments'][number]): Promise<SegmentMedia> => {
    return { bytes: await readFile(path), map, durationSec, sides: 'both', isBroken: false }
  }
  return Promise.all(clip.segments.map(read))
}

/** Hands segments to one probe, one after the other. */
export async function analyse(
  segments: readonly SegmentMedia[],
  { ffmpegPath = 'ffmpeg', ...changed }: Partial<MonitorConfig> & { ffmpegPath?: string } = {},
): Promise<ProbeResult[]> {
  const probe = createProbe({ ffmpegPath, config: { ...CONFIG, ...changed } })
  const results: ProbeResult[] = []
  for (const segment of segments) results.push(await probe.analyse(segment, never))
  return results
}

/** What a detector found in a segment; throws where the segment or that side of it was not seen. */
export function spansOf(result: ProbeResult | undefined, name: 'blackout' | 'silence'): readonly Span[] {
  if (result?.kind !== 'seen') throw new Error(`not seen: ${JSON.stringify(result)}`)
  const side = name === 'blackout' ? result.findings.picture : result.findings.sound
  if (side?.kind !== 'seen') throw new Error(`no such side: ${JSON.stringify(result)}`)
  return side.spans[name] ?? []
}

/** Spans that are as good as these. */
export function near(spans: readonly Span[], toleranceSec: number): unknown {
  const digits = -Math.log10(2 * toleranceSec)
  return spans.map(({ fromSec, toSec }) => ({
    fromSec: expect.closeTo(fromSec, digits),
    toSec: expect.closeTo(toSec, digits),
  }))
}
