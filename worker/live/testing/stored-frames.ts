import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { readFrameNumbers } from '../../../shared/testing/frame-counter.ts'
import { FOLDER, type ReportedSegment } from './live-gateway.ts'

/** Which stored segments to decode. */
export type StoredRung = { readonly storeDir: string; readonly workDir: string; readonly rung: string }

/**
 * Decodes the stored segments of a rung, run by run, and returns the frame numbers in their pictures.
 * @throws Error where a file is missing, or does not decode without an error
 */
export async function readStoredFrames(stored: StoredRung, segments: readonly ReportedSegment[]): Promise<number[]> {
  const runs = new Map<string, ReportedSegment[]>()
  for (const segment of segments) {
    const name = `${segment.epoch}-${segment.run}`
    runs.set(name, [...(runs.get(name) ?? []), segment])
  }
  const frames: number[] = []
  for (const [name, rows] of runs) {
    const path = join(stored.workDir, `${stored.rung}-${name}.mp4`)
    await writeFile(path, await readRun(stored, rows))
    frames.push(...(await readFrameNumbers(path, Number(stored.rung))))
  }
  return frames
}

/** Returns the initialization segment and the segments of a run, joined. */
async function readRun({ storeDir, rung }: StoredRung, rows: readonly ReportedSegment[]): Promise<Buffer> {
  const [first] = rows
  if (first === undefined) throw new Error('the run has no segment')
  const folder = join(storeDir, FOLDER, String(first.epoch), rung)
  const names = [`init-${first.run}.mp4`, ...rows.map(({ n }) => `${n}.m4s`)]
  return Buffer.concat(await Promise.all(names.map((name) => readFile(join(folder, name)))))
}
