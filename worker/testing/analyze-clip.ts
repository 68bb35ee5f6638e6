import { readFile } from 'node:fs/promises'

import { expect } from 'vitest'

import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import type { Clip, ClipOptions } from '../../shared/testing/clips.ts'
import {
  createSegmentProbe,
  type SegmentAnalysis,
  type DownloadedSegment,
} from '../monitors/analyze/analyze-segment.ts'
import type { DetectionSpan } from '../monitors/analyze/findings.ts'
import { CONFIG } from './monitor-scenario.ts'

const never = new AbortController().signal

/** Duration of one frame of these clips. */
export const FRAME_SEC = 1 / 30
/** Accuracy of the detectors of audio. */
export const AUDIO_TOLERANCE_SEC = 0.05
/** Options of a clip whose video is decoded in full. */
export const SMALL_CLIP: ClipOptions = { segmentSec: 2, fps: 30, size: '426x240', container: 'ts' }

/** Reads a clip's segments as the playlist poller downloads them. */
export async function readSegments(clip: Clip): Promise<DownloadedSegment[]> {
  const map = clip.initPath === null ? null : await readFile(clip.initPath)
  const read = async ({ path, durationSec }: Clip['segments'][number]): Promise<DownloadedSegment> => {
    return { bytes: await readFile(path), map, durationSec, tracks: 'both', isAfterGap: false, isTruncated: false }
  }
  return Promise.all(clip.segments.map(read))
}

/** Analyzes segments with one probe, in order. */
export async function analyzeSegments(
  segments: readonly DownloadedSegment[],
  { ffmpegPath = 'ffmpeg', ...changed }: Partial<MonitorConfig> & { ffmpegPath?: string } = {},
): Promise<SegmentAnalysis[]> {
  await using probe = createSegmentProbe({ ffmpegPath, config: { ...CONFIG, ...changed } })
  const results: SegmentAnalysis[] = []
  for (const segment of segments) results.push(await probe.analyze(segment, never))
  return results
}

/**
 * Returns the spans that a detector found in a segment.
 * @throws where the segment or its track was not analyzed
 */
export function requireSpans(
  result: SegmentAnalysis | undefined,
  name: 'blackout' | 'silence' | 'freeze',
): readonly DetectionSpan[] {
  if (result?.kind !== 'analyzed') throw new Error(`the segment was not analyzed: ${JSON.stringify(result)}`)
  const track = name === 'silence' ? result.findings.sound : result.findings.picture
  if (track?.kind !== 'present') throw new Error(`the track is absent: ${JSON.stringify(result)}`)
  return track.spans[name] ?? []
}

/** Returns a matcher of spans that differ from these by at most the tolerance. */
export function closeToSpans(spans: readonly DetectionSpan[], toleranceSec: number): unknown {
  const digits = -Math.log10(2 * toleranceSec)
  return spans.map(({ fromSec, toSec }) => ({
    fromSec: expect.closeTo(fromSec, digits),
    toSec: expect.closeTo(toSec, digits),
  }))
}
