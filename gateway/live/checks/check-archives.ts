import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { startEncoder } from '../testing/encoder.ts'
import {
  createBroadcast,
  findEncodingPids,
  startProduct,
  type CheckedBroadcast,
  type CheckedProduct,
} from './product.ts'
import { canBeProbed, HEIGHT, SHORT_LADDER, waitForSegments } from './publishing.ts'
import { countRecorded, decodeStrictly, readRecordedFrames, waitForRecording } from './recording.ts'
import { atMost, isSo, type CheckedFigure } from '../../testing/checked-figure.ts'
import { pause, waitUntil } from './wait-until.ts'

const PART_SEC = 12
const PART_FRAMES = PART_SEC * 30
const AWAY_SEC = 3

/** Proves the recording of a broadcast that lost its worker and its encoder, and that of a damaged one. */
export async function checkArchives(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using product = await startProduct(signal, SHORT_LADDER)
  return [...(await proveWhole(product, signal)), ...(await proveDamaged(product, signal))]
}

async function proveWhole(product: CheckedProduct, signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  const broadcast = await createBroadcast(product)
  await publishPart(broadcast, 0, async () => {
    await waitForSegments(broadcast, 2, signal)
    for (const pid of findEncodingPids(broadcast)) process.kill(pid, 'SIGKILL')
  })
  await pause(AWAY_SEC, signal)
  await publishPart(broadcast, PART_FRAMES, async () => undefined)
  const endedMs = Date.now()
  await broadcast.end()
  const isComplete = async () => (await broadcast.readPlaylist(HEIGHT)).includes('#EXT-X-ENDLIST')
  const completeMs = await waitUntil(isComplete, { what: 'the playlist is complete', sec: 60, signal })
  const plays = await canBeProbed(broadcast.masterUrl)
  const found = await readRecordedFrames(broadcast, signal)
  const { status, download_url: url, error } = await waitForRecording(product, broadcast, signal)
  const file =
    url === null ? { numbers: [], complaint: String(error) } : await decodeStrictly(new URL(url, product.origin).href)
  return [
    atMost(`VOD ${plays ? 'plays' : 'does not play'} after`, plays ? (completeMs - endedMs) / 1000 : Number.NaN, 2),
    countRecorded('VOD:', found, 0, 2 * PART_FRAMES),
    isSo(
      `file ${status}, -xerror ${file.complaint === '' ? 'clean' : file.complaint}`,
      'ready, clean',
      status === 'ready' && file.complaint === '',
    ),
    countRecorded('file:', file.numbers, 0, 2 * PART_FRAMES),
  ]
}

async function publishPart(
  { url }: CheckedBroadcast,
  firstNumber: number,
  meanwhile: () => Promise<void>,
): Promise<void> {
  await using encoder = startEncoder({ url, sec: PART_SEC, height: HEIGHT, firstNumber })
  await meanwhile()
  const { code, output } = await encoder.ended
  if (code !== 0) throw new Error(`the encoder failed: ${output}`)
}

async function proveDamaged(product: CheckedProduct, signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  const broadcast = await createBroadcast(product)
  await publishPart(broadcast, 0, async () => {
    await waitForSegments(broadcast, 3, signal)
    const path = join(product.dataDir, 'media', 'live', broadcast.id, '1', String(HEIGHT), '1.m4s')
    const bytes = await readFile(path)
    await writeFile(path, bytes.fill(0x55, Math.floor(bytes.length / 2)))
  })
  await broadcast.end()
  const { status, error } = await waitForRecording(product, broadcast, signal)
  return [
    isSo(
      `damaged segment: ${status} (${error ?? 'no reason'})`,
      'failed, with the reason',
      status === 'failed' && error !== null,
    ),
  ]
}
