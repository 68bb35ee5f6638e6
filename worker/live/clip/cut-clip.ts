/**
 * Cuts a clip: its segments are joined, the times of their frames are read, and the frames within the range are encoded
 * again, for a cut falls where no key frame is. The clip must have these frames, and no other ones.
 */

import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { ClipOrder } from '../../../shared/contract/live-files.ts'
import {
  findFrameProblem,
  joinSegments,
  reasonOf,
  runFfmpeg,
  SegmentProblem,
  type JoinMeans,
} from '../archive/join-segments.ts'
import {
  buildCutArguments,
  buildPosterArguments,
  chooseFrames,
  isStoredWhole,
  readFrameTimes,
  type ClipFrames,
} from './cut-range.ts'

/** The files of a clip, or why there are none. */
export type CutClip =
  | { readonly kind: 'ok'; readonly path: string; readonly poster: string; readonly bytes: number }
  | { readonly kind: 'failed'; readonly reason: string }

/** The range cannot be cut. */
class CutProblem extends Error {}

/**
 * Cuts a clip and proves it.
 * @throws StoreError where the store cannot be read now, or the worker must stop
 */
export async function cutClip(order: ClipOrder, means: JoinMeans): Promise<CutClip> {
  if (!isStoredWhole(order)) return { kind: 'failed', reason: 'its segments end before the clip does' }
  try {
    const joined = await joinSegments(order.runs, means)
    const range = await locateFrames(order, joined, means)
    const path = join(means.dir, 'clip.mp4')
    await run(buildCutArguments(order, range, { input: joined, output: path }), 'the range does not decode', means)
    const problem = await findFrameProblem(path, { name: 'the clip', frames: range.frames }, means)
    if (problem !== null) return { kind: 'failed', reason: problem }
    const poster = join(means.dir, 'poster.jpg')
    const at = { input: path, output: poster, atSec: order.duration_sec / 2 }
    await run(buildPosterArguments(at), 'its picture cannot be made', means)
    return { kind: 'ok', path, poster, bytes: (await stat(path)).size }
  } catch (error) {
    if (!(error instanceof SegmentProblem) && !(error instanceof CutProblem)) throw error
    return { kind: 'failed', reason: error.message }
  }
}

/** Returns the frames of the range; all frames of the segments must be there. */
async function locateFrames(order: ClipOrder, joined: string, means: JoinMeans): Promise<ClipFrames> {
  const input = ['-nostdin', '-v', 'error', '-protocol_whitelist', 'file', '-i', joined]
  const listing = await run([...input, '-map', '0:v:0', '-c', 'copy', '-f', 'framecrc', '-'], 'no frames', means)
  const times = readFrameTimes(listing)
  if (times.pts.length !== order.frames) {
    throw new CutProblem(`its segments have ${times.pts.length} frames instead of ${order.frames}`)
  }
  const range = chooseFrames(times, order)
  if (range === null) throw new CutProblem('its segments have no frame in this range')
  return range
}

async function run(args: readonly string[], problem: string, means: JoinMeans): Promise<string> {
  const result = await runFfmpeg(args, means)
  const reason = reasonOf(result)
  if (reason !== null) throw new CutProblem(`${problem}: ${reason}`)
  return result.kind === 'exited' ? result.stdout : ''
}
