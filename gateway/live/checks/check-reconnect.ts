import { readServerSentEvents } from '../../testing/server-sent-events.ts'
import { createBroadcast, startProduct, type CheckedBroadcast, type CheckedProduct } from './product.ts'
import { publishEndlessly, SHORT_LADDER, waitForSegments } from './publishing.ts'
import { countRecorded, listRecordings, readRecordedFrames } from './recording.ts'
import { exactly, isSo, type CheckedFigure } from '../../testing/checked-figure.ts'
import { pause, waitUntil } from './wait-until.ts'
import { openWatchPage, type WatchedPage } from './watched-page.ts'

const ON_AIR_SEC = 15
const AWAY_SEC = 60
const AWAY_FOR_GOOD_SEC = 100
const SECOND_NUMBER = 4000
const RIBBON = `document.querySelector('[data-ribbon]')?.hidden === false`

/** Takes the encoder of a watched broadcast away for 60 s, and later for good. */
export async function checkReconnect(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using product = await startProduct(signal, SHORT_LADDER)
  const broadcast = await createBroadcast(product)
  await using states = followStates(product, broadcast)
  const first = await watchFirst(product, broadcast, signal)
  await using watched = first.watched
  await pause(AWAY_SEC, signal)
  await using again = publishEndlessly(broadcast, SECOND_NUMBER)
  await waitUntil(async () => (await watched.readNewest()) >= SECOND_NUMBER, {
    what: 'the picture goes on',
    sec: 30,
    signal,
  })
  const backSec = ((again.sentAtMs(SECOND_NUMBER) ?? 0) - Date.now()) / -1000
  await pause(ON_AIR_SEC, signal)
  again.kill('SIGINT')
  await again.ended
  await pause(AWAY_FOR_GOOD_SEC, signal)
  const { state } = await broadcast.read()
  const frames = await readRecordedFrames(broadcast, signal)
  return [
    isSo(`ribbon ${first.hasRibbon ? 'shown' : 'not shown'}`, 'shown while away', first.hasRibbon),
    isSo(
      `picture ${backSec.toFixed(1)} s after the return, ${(await watched.isSamePage()) ? 'no' : 'a'} reload`,
      'no reload',
      await watched.isSamePage(),
    ),
    isSo(
      states.seen().join(' → '),
      'live → reconnecting → live → reconnecting → ended',
      states.seen().join() === 'live,reconnecting,live,reconnecting,ended' && state === 'ended',
    ),
    exactly('recordings', (await listRecordings(product, broadcast)).length, 1),
    countRecorded('first part:', frames, 0, first.sent),
    countRecorded('second part:', frames, SECOND_NUMBER, SECOND_NUMBER + again.sentFrames()),
  ]
}

type FirstPart = { readonly watched: WatchedPage; readonly sent: number; readonly hasRibbon: boolean }

/** Publishes for a while, and ends the encoder while the broadcast is watched. */
async function watchFirst(
  product: CheckedProduct,
  broadcast: CheckedBroadcast,
  signal: AbortSignal,
): Promise<FirstPart> {
  await using encoder = publishEndlessly(broadcast)
  await waitForSegments(broadcast, 1, signal)
  const watched = await openWatchPage(product, broadcast)
  await waitUntil(async () => (await watched.readNewest()) > 0, { what: 'a picture is shown', sec: 60, signal })
  await pause(ON_AIR_SEC, signal)
  // As an encoder that is closed: what it has encoded is sent.
  encoder.kill('SIGINT')
  await encoder.ended
  const hasRibbon = await waitUntil(() => watched.page.evaluate<boolean>(RIBBON), {
    what: 'the ribbon',
    sec: 15,
    signal,
  })
    .then(() => true)
    .catch(() => false)
  return { watched, sent: encoder.sentFrames(), hasRibbon }
}

type FollowedStates = AsyncDisposable & { seen(): readonly string[] }

/** Follows the states that viewers hear of, from `live` on. */
function followStates({ origin }: CheckedProduct, { id }: CheckedBroadcast): FollowedStates {
  const stop = new AbortController()
  const seen: string[] = []
  async function follow(): Promise<void> {
    const response = await fetch(`${origin}/api/v1/streams/${id}/events`, { signal: stop.signal })
    for await (const { event, data } of readServerSentEvents(response.body ?? [])) {
      const state = /"state":"(\w+)"/.exec(data)?.[1] ?? ''
      if (event === 'state' && state !== 'ready' && state !== seen.at(-1)) seen.push(state)
    }
  }
  const followed = follow().catch(() => undefined)
  return {
    seen: () => seen,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await followed
    },
  }
}
