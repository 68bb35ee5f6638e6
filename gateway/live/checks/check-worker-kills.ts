import type { WatchedPage } from './watched-page.ts'
import { openWatchPage } from './watched-page.ts'
import { createBroadcast, findEncodingPids, startProduct, type CheckedBroadcast } from './product.ts'
import { publishEndlessly, readMediaPlaylist, SHORT_LADDER, waitForSegments } from './publishing.ts'
import { countRecorded, readRecordedFrames } from './recording.ts'
import { exactly, isSo, type CheckedFigure } from '../../testing/checked-figure.ts'
import { describeNumbers, findGaps, findLongestFreeze, type Viewing } from './viewing.ts'
import { pause, waitUntil } from './wait-until.ts'

const KILLS = 3
const BETWEEN_SEC = 15
const FPS = 30
/** A freeze that a viewer does not call a stall: a busy browser draws no picture for this long, in seconds. */
const SHORTEST_STALL_SEC = 0.5

/** Kills the worker of a broadcast and its ffmpeg three times while it is watched, at both latencies. */
export async function checkWorkerKills(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using product = await startProduct(signal, SHORT_LADDER)
  const figures: CheckedFigure[] = []
  for (const latency of ['low', 'normal'] as const) {
    const broadcast = await createBroadcast(product, { latency })
    await using encoder = publishEndlessly(broadcast)
    await waitForSegments(broadcast, 2, signal)
    await using watched = await openWatchPage(product, broadcast)
    await waitUntil(async () => (await watched.readNewest()) > 0, { what: 'a picture is shown', sec: 60, signal })
    await using sequence = followSequence(broadcast)
    await pause(BETWEEN_SEC, signal)
    const beforeKills = await watched.readNewest()
    for (let kill = 0; kill < KILLS; kill++) {
      await killEncoding(broadcast, signal)
      await pause(BETWEEN_SEC, signal)
    }
    figures.push(
      ...(await judgeViewing(latency, watched, beforeKills)),
      exactly('media sequence: wrong steps', sequence.wrongSteps(), 0),
    )
    encoder.kill('SIGINT')
    await encoder.ended
    const sent = encoder.sentFrames()
    await broadcast.end()
    figures.push(countRecorded('recording:', await readRecordedFrames(broadcast, signal), 0, sent))
  }
  return figures
}

/** Kills the worker and its ffmpeg, once both run. */
async function killEncoding(broadcast: CheckedBroadcast, signal: AbortSignal): Promise<void> {
  const isEncoding = () => findEncodingPids(broadcast).length >= 2
  await waitUntil(isEncoding, { what: 'the live worker and its ffmpeg run', sec: 60, signal })
  for (const pid of findEncodingPids(broadcast)) process.kill(pid, 'SIGKILL')
}

/** Judges what was shown from a picture on: a player seeks to its first one. */
async function judgeViewing(latency: string, watched: WatchedPage, from: number): Promise<readonly CheckedFigure[]> {
  const viewing = await readViewingFrom(watched, from)
  const freezeSec = findLongestFreeze(viewing)
  const gaps = findGaps(viewing, FPS)
  const stalls = viewing.events.filter(({ type }) => type === 'waiting').length
  return [
    isSo(
      `${latency}: longest freeze ${freezeSec.toFixed(2)} s, ${stalls} waits`,
      `no stall: ≤ ${SHORTEST_STALL_SEC} s`,
      freezeSec <= SHORTEST_STALL_SEC,
    ),
    isSo(
      `${gaps.length} gaps${gaps.map(({ before, after }) => ` ${describeNumbers([before])}→${after}`).join()}`,
      '0',
      gaps.length === 0,
    ),
  ]
}

async function readViewingFrom(watched: WatchedPage, number: number): Promise<Viewing> {
  const { pictures, events } = await watched.readViewing()
  const shown = pictures.slice(
    Math.max(
      0,
      pictures.findIndex((picture) => picture.number === number),
    ),
  )
  return { pictures: shown, events: events.filter(({ atMs }) => atMs >= (shown[0]?.atMs ?? 0)) }
}

/** What a player sees of the media sequence: each segment keeps its number, and the next one has the next number. */
type FollowedSequence = AsyncDisposable & { wrongSteps(): number }

function followSequence(broadcast: CheckedBroadcast): FollowedSequence {
  const stop = new AbortController()
  const uris = new Map<number, string>()
  let wrongSteps = 0
  const followed = follow()

  async function follow(): Promise<void> {
    while (!stop.signal.aborted) {
      const playlist = await readMediaPlaylist(broadcast).catch(() => null)
      for (const { seq, uri } of playlist?.segments ?? []) {
        if (uri !== null) noteSegment(seq, uri)
      }
      await pause(0.3, stop.signal).catch(() => undefined)
    }
  }

  function noteSegment(seq: number, uri: string): void {
    const known = uris.get(seq)
    if (known === uri) return
    const isNext = uris.size === 0 || uris.has(seq - 1)
    if (known !== undefined || !isNext) wrongSteps++
    uris.set(seq, uri)
  }

  return {
    wrongSteps: () => wrongSteps,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await followed
    },
  }
}
