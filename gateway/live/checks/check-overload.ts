import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'

import { createTemporaryFolder } from '../../demo/demo-gateway.ts'
import { startFileEncoder } from '../testing/encoder.ts'
import { createBroadcast, startProduct, type CheckedBroadcast } from './product.ts'
import { readMediaPlaylist } from './publishing.ts'
import { atMost, isSo, type CheckedFigure } from '../../testing/checked-figure.ts'
import { makeSourceClip } from './source-clip.ts'
import { pause, waitUntil } from './wait-until.ts'
import { openStudio, openWatchPage } from './watched-page.ts'

const CLIP_SEC = 10
/** How long the lag is measured after a rung was dropped. */
const MEASURED_SEC = 30
const DROPPED_LINE = 'The highest rendition is left out'

/** Publishes 1080p60 and keeps every core busy. */
export async function checkOverload(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using folder = await createTemporaryFolder()
  const clip = await makeSourceClip(folder.path, { height: 1080, fps: 60, kbps: 6000, sec: CLIP_SEC })
  await using product = await startProduct(signal)
  const broadcast = await createBroadcast(product)
  await using _encoder = startFileEncoder(clip, broadcast.url)
  const hasSegment = async () => ((await readMediaPlaylist(broadcast, 1080))?.segments.length ?? 0) > 0
  await waitUntil(hasSegment, { what: 'a segment', sec: 60, signal })
  await using watched = await openWatchPage(product, broadcast)
  await using studio = await openStudio(product, broadcast)
  const countPictures = async () => (await watched.readViewing()).pictures.length
  await waitUntil(async () => (await countPictures()) > 0, { what: 'a picture is shown', sec: 60, signal })
  const isDropped = async () => (await broadcast.read()).health?.encoding?.is_top_rung_dropped === true
  const wasDropped = await isDropped()
  await using _burners = keepCoresBusy()
  const busyMs = Date.now()
  const droppedMs = await waitUntil(isDropped, { what: 'the top rung is dropped', sec: 60, signal })
  const isTold = () => studio.page.locator('[data-advice]', { hasText: DROPPED_LINE }).isVisible()
  const toldMs = await waitUntil(isTold, { what: 'the studio says it', sec: 15, signal }).catch(() => Number.NaN)
  const lags = await measureLags(broadcast, signal)
  const problem = await watched.readProblem()
  const before = await countPictures()
  await pause(5, signal)
  const goesOn = (await countPictures()) > before
  return [
    atMost(
      `top rung dropped${wasDropped ? ' before, by the load of others' : ''} after`,
      (droppedMs - busyMs) / 1000,
      20,
    ),
    isSo(
      `lag afterwards ${(lags.at(-1) ?? Number.NaN).toFixed(1)} s, largest ${Math.max(...lags).toFixed(1)} s`,
      '< 8 s',
      Math.max(...lags) < 8,
    ),
    isSo(
      problem === '' && goesOn ? 'the player goes on' : `player: ${problem || 'no new picture'}`,
      'no fatal error',
      problem === '' && goesOn,
    ),
    isSo(
      Number.isNaN(toldMs)
        ? 'the studio is silent'
        : `the studio says it ${((toldMs - droppedMs) / 1000).toFixed(1)} s later`,
      'says it',
      !Number.isNaN(toldMs),
    ),
  ]
}

/** Returns the lag of the encoding, once a second, in seconds. */
async function measureLags(broadcast: CheckedBroadcast, signal: AbortSignal): Promise<readonly number[]> {
  const lags: number[] = []
  // The backlog of the time before is caught up first.
  await pause(10, signal)
  for (let second = 0; second < MEASURED_SEC; second++) {
    lags.push((await broadcast.read()).health?.encoding?.lag_sec ?? Number.NaN)
    await pause(1, signal)
  }
  return lags
}

/** Runs a loop on each core until dispose. */
function keepCoresBusy(): AsyncDisposable {
  const args = ['-e', 'for (;;);']
  const loops = Array.from({ length: availableParallelism() }, () => {
    const loop = spawn(process.execPath, args, { stdio: 'ignore' })
    return { loop, exited: once(loop, 'exit') }
  })
  return {
    async [Symbol.asyncDispose]() {
      for (const { loop } of loops) loop.kill('SIGKILL')
      await Promise.all(loops.map(({ exited }) => exited))
    },
  }
}
