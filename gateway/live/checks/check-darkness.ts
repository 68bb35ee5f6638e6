import { ENCODER_FPS, startEncoder } from '../testing/encoder.ts'
import { createBroadcast, startProduct } from './product.ts'
import { HEIGHT, SHORT_LADDER } from './publishing.ts'
import { atMost, isSo, type CheckedFigure } from '../../testing/checked-figure.ts'
import { waitUntil } from './wait-until.ts'
import { openStudio } from './watched-page.ts'

/** The thresholds of the watchdog, in seconds. */
const THRESHOLD_SEC = 5
const ALLOWED_SEC = 3
const DARK_SEC = [25, 35] as const
const STILL_SEC = [50, 60] as const

/** Publishes ten seconds of a black picture and silence, and of a still picture; measures when the studio says it. */
export async function checkDarkness(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using product = await startProduct(signal, SHORT_LADDER)
  const broadcast = await createBroadcast(product)
  await using encoder = startEncoder({ url: broadcast.url, sec: 90, height: HEIGHT, dark: DARK_SEC, still: STILL_SEC })
  await using studio = await openStudio(product, broadcast)
  const saysBy = (text: string) =>
    waitUntil(() => studio.page.locator('[data-advice]', { hasText: text }).isVisible(), {
      what: text,
      sec: 60,
      signal,
    })
  const [blackMs, silentMs] = await Promise.all([
    saysBy('The picture has been black'),
    saysBy('The sound has been silent'),
  ])
  const fineMs = await saysBy('All is well.').catch(() => Number.NaN)
  const frozenMs = await saysBy('The picture has not changed')
  const sentAtMs = (sec: number) => encoder.sentAtMs(sec * ENCODER_FPS) ?? Number.NaN
  const [darkFrom, darkUntil] = [sentAtMs(DARK_SEC[0]), sentAtMs(DARK_SEC[1])]
  const most = THRESHOLD_SEC + ALLOWED_SEC
  return [
    atMost('black: said after', (blackMs - darkFrom) / 1000, most),
    atMost('silent: said after', (silentMs - darkFrom) / 1000, most),
    atMost('frozen: said after', (frozenMs - sentAtMs(STILL_SEC[0])) / 1000, most),
    isSo(`well again after ${((fineMs - darkUntil) / 1000).toFixed(2)} s`, 'says so', !Number.isNaN(fineMs)),
  ]
}
