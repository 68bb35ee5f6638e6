import { createBroadcast, startProduct } from './product.ts'
import { canBeProbed, publishEndlessly, SHORT_LADDER } from './publishing.ts'
import { atMost, type CheckedFigure } from '../../testing/checked-figure.ts'
import { waitUntil } from './wait-until.ts'

/** Measures how long a broadcast takes from the start of its encoder until it is live, and until it plays. */
export async function checkStart(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using product = await startProduct(signal, SHORT_LADDER)
  const broadcast = await createBroadcast(product)
  const startedMs = Date.now()
  await using _encoder = publishEndlessly(broadcast)
  const isLive = async () => (await broadcast.read()).state === 'live'
  const liveMs = await waitUntil(isLive, { what: 'the broadcast is live', sec: 60, signal })
  const plays = () => canBeProbed(broadcast.masterUrl)
  const playedMs = await waitUntil(plays, { what: 'ffprobe reads it', sec: 60, signal })
  return [
    atMost('live after', (liveMs - startedMs) / 1000, 2),
    atMost('playable after', (playedMs - startedMs) / 1000, 5),
  ]
}
