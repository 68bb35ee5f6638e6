import { execa } from 'execa'

import { startEncoder, type TestEncoder } from '../testing/encoder.ts'
import { parseMediaPlaylist, type MediaPlaylist } from '../testing/player/media-playlist.ts'
import type { CheckedBroadcast } from './product.ts'
import { waitUntil } from './wait-until.ts'

/** Height of the picture of most checks; a second rendition is encoded from it. */
export const HEIGHT = 360
/** A short ladder: its highest rendition is passed through, the other one is encoded. */
export const SHORT_LADDER = { LIVE_LADDER: '360:800,180:300' }
/** Longer than any check. */
const ENDLESS_SEC = 1000

/** Starts an encoder that publishes a broadcast until it is ended. */
export function publishEndlessly({ url }: CheckedBroadcast, firstNumber = 0): TestEncoder {
  return startEncoder({ url, sec: ENDLESS_SEC, height: HEIGHT, firstNumber })
}

/** Returns the playlist of a rendition; `null` where there is none. */
export async function readMediaPlaylist(
  broadcast: CheckedBroadcast,
  height: number = HEIGHT,
): Promise<MediaPlaylist | null> {
  const text = await broadcast.readPlaylist(height)
  return text === '' ? null : parseMediaPlaylist(text)
}

/** Waits until a broadcast has some complete segments. */
export async function waitForSegments(broadcast: CheckedBroadcast, count: number, signal: AbortSignal): Promise<void> {
  const hasAll = async () =>
    ((await readMediaPlaylist(broadcast))?.segments.filter(({ uri }) => uri !== null).length ?? 0) >= count
  await waitUntil(hasAll, { what: `${count} segments`, sec: 60, signal })
}

/** Returns whether ffprobe finds a picture and sound at an address. */
export async function canBeProbed(url: string): Promise<boolean> {
  const args = ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', url]
  const { failed, stdout } = await execa('ffprobe', args, { reject: false, timeout: 10_000 })
  return !failed && /h264[\s\S]*aac/.test(stdout)
}
