/**
 * Makes the file of a recording: its segments are joined without encoding, and the result is decoded to its end. Its frames
 * must be those of the segments.
 */

import { stat } from 'node:fs/promises'

import type { ArchiveOrder } from '../../../shared/contract/live-files.ts'
import { findFrameProblem, joinSegments, SegmentProblem, type JoinMeans } from './join-segments.ts'

/** The file of a recording, or why there is none. */
export type Recording =
  | { readonly kind: 'ok'; readonly path: string; readonly bytes: number }
  | { readonly kind: 'failed'; readonly reason: string; readonly missing: readonly string[] }

/** Missing segments that are reported: a report is limited to 64 KiB. */
const MOST_MISSING = 500

/**
 * Makes the file of a recording and proves it.
 * @throws StoreError where the store cannot be read now
 */
export async function makeRecording(order: ArchiveOrder, means: JoinMeans): Promise<Recording> {
  try {
    const path = await joinSegments(order.runs, means)
    const problem = await findFrameProblem(path, { name: 'the recording', frames: order.frames }, means)
    if (problem !== null) return { kind: 'failed', reason: problem, missing: [] }
    return { kind: 'ok', path, bytes: (await stat(path)).size }
  } catch (error) {
    if (!(error instanceof SegmentProblem)) throw error
    return { kind: 'failed', reason: error.message, missing: await listMissing(order, error.key, means) }
  }
}

/** Returns the segments that are not in the store, and `incomplete`, which is there. */
async function listMissing(
  { runs }: ArchiveOrder,
  incomplete: string | null,
  { store, signal }: JoinMeans,
): Promise<readonly string[]> {
  const missing: string[] = []
  for (const prefix of new Set(runs.map((run) => run.prefix))) {
    const stored = new Set(await store.list(prefix, signal))
    const wanted = runs.filter((run) => run.prefix === prefix).flatMap(({ segments }) => segments)
    const keys = wanted.map(({ n }) => `${prefix}${n}.m4s`)
    missing.push(...keys.filter((key) => key === incomplete || !stored.has(key)))
  }
  return missing.slice(0, MOST_MISSING)
}
