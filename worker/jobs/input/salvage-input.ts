import { copyFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'

import { findIncompleteBox } from '../../media/mp4/complete-boxes.ts'
import type { ProbedMedia } from '../../media/probed-media.ts'

/** An input that can be read, and whether its end is missing. */
export type SalvagedInput = { readonly path: string; readonly isCut: boolean }

/**
 * Makes the start of an MP4 readable whose recorder died while it wrote the header of a fragment: ffmpeg refuses the whole
 * file. The header is cut off, from a copy where the file is not in the job's folder `dir`.
 * @throws on a disk error
 */
export async function salvageInput(path: string, dir: string): Promise<SalvagedInput> {
  const incomplete = await findIncompleteBox(path)
  if (incomplete === null) return { path, isCut: false }
  const { offset, type, isFragmented } = incomplete
  if (!isFragmented || type === 'mdat') return { path, isCut: true }
  const own = join(dir, 'input')
  if (path !== own) await copyFile(path, own)
  await truncate(own, offset)
  return { path: own, isCut: true }
}

/** Notes in a probe that the end of the file is missing, where ffprobe cannot see that. */
export function noteCut(probe: ProbedMedia, isCut: boolean): ProbedMedia {
  if (!isCut || probe.endMismatch !== null) return probe
  const endSec = Math.max(
    ...[probe.video, probe.audio].map((track) => (track === null ? 0 : track.startSec + track.durationSec)),
  )
  const actualSec = endSec - probe.startSec
  return { ...probe, endMismatch: { kind: 'cut', declaredSec: actualSec, actualSec } }
}
