import { createBroadcast, startProduct, type CheckedProduct } from './product.ts'
import { publishEndlessly, SHORT_LADDER, waitForSegments } from './publishing.ts'
import { atMost, isSo, type CheckedFigure } from '../../testing/checked-figure.ts'
import { findLongestFreeze, measureDelays, medianOf } from './viewing.ts'
import { pause, waitUntil } from './wait-until.ts'
import { openWatchPage } from './watched-page.ts'

const WATCHED_SEC = 60

/** Measures the delay from the encoder to the screen of the watch page, for both latencies. */
export async function checkLatency(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using product = await startProduct(signal, SHORT_LADDER)
  return [...(await watch(product, 'low', 3, signal)), ...(await watch(product, 'normal', 8, signal))]
}

async function watch(
  product: CheckedProduct,
  latency: 'low' | 'normal',
  mostSec: number,
  signal: AbortSignal,
): Promise<readonly CheckedFigure[]> {
  const broadcast = await createBroadcast(product, { latency })
  await using encoder = publishEndlessly(broadcast)
  await waitForSegments(broadcast, 1, signal)
  await using watched = await openWatchPage(product, broadcast)
  await waitUntil(async () => (await watched.readNewest()) > 0, { what: 'a picture is shown', sec: 60, signal })
  await pause(WATCHED_SEC, signal)
  const viewing = await watched.readViewing()
  const delays = measureDelays(viewing, encoder.sentAtMs)
  await broadcast.end()
  return [
    atMost(`${latency}: median`, medianOf(delays), mostSec),
    isSo(
      `largest ${Math.max(...delays).toFixed(2)} s, freeze ${findLongestFreeze(viewing).toFixed(2)} s, ${delays.length} frames`,
      'for information',
      true,
    ),
  ]
}
