import { readPostmasterPid } from '../../testing/find-processes.ts'
import { createBroadcast, findIngestPids, startProduct, type CheckedProduct } from './product.ts'
import { SHORT_LADDER, waitForSegments } from './publishing.ts'
import { listRecordings, readRecordedFrames } from './recording.ts'
import { startReconnectingEncoder, type ReconnectingEncoder } from './reconnecting-encoder.ts'
import { atMost, exactly, isSo, type CheckedFigure } from '../../testing/checked-figure.ts'
import { describeNumbers } from './viewing.ts'
import { pause, waitUntil } from './wait-until.ts'
import { openWatchPage, type WatchedPage } from './watched-page.ts'

const BETWEEN_SEC = 15

/** Kills the database, the ingest worker and the gateway of a watched broadcast, one after the other. */
export async function checkRestarts(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using product = await startProduct(signal, SHORT_LADDER)
  const broadcast = await createBroadcast(product)
  await using encoder = startReconnectingEncoder(broadcast)
  await waitForSegments(broadcast, 1, signal)
  await using watched = await openWatchPage(product, broadcast)
  await waitUntil(async () => (await watched.readNewest()) > 0, { what: 'a picture is shown', sec: 60, signal })
  await pause(BETWEEN_SEC, signal)
  const figures: CheckedFigure[] = []
  for (const victim of ['Postgres', 'ingest', 'gateway'] as const) {
    const killedMs = await kill(victim, product)
    // Encoders do not publish to the database.
    if (victim !== 'Postgres') encoder.noteLoss(killedMs)
    const backMs = await waitForNewPicture(watched, encoder, killedMs, signal)
    figures.push(atMost(`${victim}: playing again after`, (backMs - killedMs) / 1000, 15))
    await pause(BETWEEN_SEC, signal)
  }
  const isSame = (await watched.isSamePage()) && (await broadcast.read()).state === 'live'
  await encoder.stop()
  await broadcast.end()
  const found = new Set(await readRecordedFrames(broadcast, signal))
  const sent = encoder.sentNumbers()
  const lost = sent.filter((number) => !found.has(number))
  return [
    ...figures,
    isSo(isSame ? 'the same page and broadcast' : 'another page or broadcast', 'the same', isSame),
    exactly('recordings', (await listRecordings(product, broadcast)).length, 1),
    isSo(
      `recording: ${sent.length} sent, ${lost.length} lost${lost.length === 0 ? '' : ` (${describeNumbers(lost)})`}`,
      '0 lost',
      lost.length === 0,
    ),
  ]
}

/** Kills a process of the product; the gateway is started again, as a supervisor does. Returns the time of the kill. */
async function kill(victim: 'Postgres' | 'ingest' | 'gateway', product: CheckedProduct): Promise<number> {
  const atMs = Date.now()
  if (victim === 'gateway') {
    product.gateway().kill('SIGKILL')
    await product.gateway().exited
    await product.restart()
    return atMs
  }
  const pids = victim === 'ingest' ? findIngestPids(product) : [readPostmasterPid(product.dataDir) ?? 0]
  if (pids.length === 0 || pids.includes(0)) throw new Error(`${victim} was not found`)
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  return atMs
}

/** Waits until the page shows a frame that was sent after a time. Returns when it was shown. */
async function waitForNewPicture(
  watched: WatchedPage,
  encoder: ReconnectingEncoder,
  afterMs: number,
  signal: AbortSignal,
): Promise<number> {
  const find = async () => {
    const { pictures } = await watched.readViewing()
    return pictures.find(({ number, atMs }) => atMs > afterMs && (encoder.sentAtMs(number) ?? 0) > afterMs)
  }
  await waitUntil(async () => (await find()) !== undefined, { what: 'a new picture', sec: 60, signal })
  return (await find())?.atMs ?? Date.now()
}
