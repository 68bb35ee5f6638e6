import { execa } from 'execa'

import { readFrameNumbers } from '../../../shared/testing/frame-counter.ts'
import { ArchiveList, type ArchiveView } from '../archives/present.ts'
import { playBroadcast } from '../testing/player/player.ts'
import type { CheckedBroadcast, CheckedProduct } from './product.ts'
import { HEIGHT } from './publishing.ts'
import { describeNumbers, findMissing } from './viewing.ts'
import { isSo, type CheckedFigure } from '../../testing/checked-figure.ts'
import { waitUntil } from './wait-until.ts'

/** Returns the frame numbers of a broadcast that has ended, as a player receives them. */
export async function readRecordedFrames({ masterUrl }: CheckedBroadcast, signal: AbortSignal): Promise<number[]> {
  const played = await playBroadcast({ url: masterUrl, signal })
  return played.readFrameNumbers(HEIGHT)
}

/** Returns the recordings of a broadcast. */
export async function listRecordings({ call }: CheckedProduct, { id }: CheckedBroadcast): Promise<ArchiveView[]> {
  const { archives } = await call(ArchiveList, 'GET /api/v1/archives?limit=200')
  return archives.filter(({ stream_id: streamId }) => streamId === id)
}

/** Waits until the file of a recording is made, or cannot be made. */
export async function waitForRecording(
  product: CheckedProduct,
  broadcast: CheckedBroadcast,
  signal: AbortSignal,
): Promise<ArchiveView> {
  const find = async () => (await listRecordings(product, broadcast)).find(({ status }) => status !== 'processing')
  await waitUntil(async () => (await find()) !== undefined, { what: 'the recording is made', sec: 120, signal })
  const found = await find()
  if (found === undefined) throw new Error('the recording is gone')
  return found
}

/** Returns the figure of frames that are in a recording once each, from `from` to `until`. */
export function countRecorded(name: string, found: readonly number[], from: number, until: number): CheckedFigure {
  const within = found.filter((number) => number >= from && number < until)
  const missing = findMissing(within, from, until)
  const doubled = within.length - new Set(within).size
  const which = missing.length === 0 ? '' : ` (${describeNumbers(missing)})`
  const measured = `${name} ${until - from} sent, ${missing.length} lost${which}, ${doubled} doubled`
  return isSo(measured, '0 lost, 0 doubled', missing.length + doubled === 0)
}

/** Returns the frame numbers of a file, which must decode without an error, and what ffmpeg says with `-xerror`. */
export async function decodeStrictly(url: string): Promise<{ readonly numbers: number[]; readonly complaint: string }> {
  const args = ['-nostdin', '-v', 'error', '-xerror', '-i', url, '-f', 'null', '-']
  const { stderr } = await execa('ffmpeg', args, { reject: false, timeout: 120_000 })
  const complaint = stderr.trim()
  return { numbers: complaint === '' ? await readFrameNumbers(url, HEIGHT) : [], complaint }
}
