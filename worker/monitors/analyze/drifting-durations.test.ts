import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { makeClip } from '../../../shared/testing/clips.ts'
import { runFfmpeg } from '../../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { analyzeSegments, readSegments, SMALL_CLIP } from '../../testing/analyze-clip.ts'
import type { DownloadedSegment } from './analyze-segment.ts'

/** Analyzes segments whose durations in the playlist are wrong by as much. Returns how long all of them are. */
async function measureAll(segments: readonly DownloadedSegment[], wrongBySec: number): Promise<number> {
  const stated = segments.map((segment) => ({ ...segment, durationSec: segment.durationSec + wrongBySec }))
  const results = await analyzeSegments(stated)
  return results.reduce((sum, result) => sum + (result.kind === 'analyzed' ? result.durationSec : Number.NaN), 0)
}

describe.each([0.1, -0.14])('segments whose durations are wrong by %s s', (wrongBySec) => {
  test.each(['ts', 'fmp4'] as const)('are as long together as their media, in %s', async (container) => {
    await using clip = await makeClip([{ sec: 12 }], { ...SMALL_CLIP, container })
    const totalSec = await measureAll(await readSegments(clip), wrongBySec)
    expect(Math.abs(totalSec - 12)).toBeLessThan(0.16)
  })

  test('are as long together as their sound, where they are packed audio', async () => {
    await using clip = await makeClip([{ sec: 12 }], { ...SMALL_CLIP, withVideo: false })
    const segments = await Promise.all(
      (await readSegments(clip)).map(async (segment, index) => {
        const name = `${index}.aac`
        const args = ['-v', 'error', '-i', clip.segments[index]?.name ?? '', '-c', 'copy', name]
        await runFfmpeg('ffmpeg', args, { timeoutMs: PATIENCE_MS, cwd: clip.dir })
        return { ...segment, bytes: await readFile(join(clip.dir, name)) }
      }),
    )
    expect(Math.abs((await measureAll(segments, wrongBySec)) - 12)).toBeLessThan(0.16)
  })
})
