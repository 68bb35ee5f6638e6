import { setTimeout as wait } from 'node:timers/promises'

import { colors } from 'consola/utils'
import * as v from 'valibot'

import { readFrameNumbers } from '../../shared/testing/frame-counter.ts'
import { findFreePort } from '../adapters/http/free-port.ts'
import { Login } from '../live/accounts/present.ts'
import { CreatedStream, StreamView } from '../live/broadcasts/present.ts'
import { startEncoder, type TestEncoder } from '../live/testing/encoder.ts'
import { playBroadcast, type PlayedBroadcast } from '../live/testing/player/player.ts'
import { findEncoderPids, findWorkerPids } from '../testing/find-processes.ts'
import { startGatewayProcess, type GatewayProcess } from '../testing/gateway-process.ts'
import { readServerSentEvents } from '../testing/server-sent-events.ts'
import { waitForPort } from '../testing/wait-for-port.ts'
import { abortOnExit, abortOnInterrupt, createApiCaller, createTemporaryFolder, generateKey } from './demo-gateway.ts'
import { countFrames, formatLiveSummary } from './live-summary.ts'
import { createLiveTimeline, type LiveTimeline } from './live-timeline.ts'
import { printLine } from './output.ts'

/** Deadline of the demo, so that it always ends within two minutes. */
const DEADLINE_MS = 100_000
const BROADCAST_SEC = 20
/** Frames a second of `startEncoder`. */
const FPS = 30
const LADDER = '360:800,180:300'
const SOURCE_HEIGHT = 360
/** The worker and its ffmpeg are killed once the player has this much, in seconds. */
const KILL_AFTER_SEC = 8
const POLL_MS = 50

/** Shows a broadcast from the encoder to the recording. Returns the exit code. */
async function runDemo(): Promise<number> {
  const interrupted = abortOnInterrupt()
  try {
    return await showBroadcast(AbortSignal.any([interrupted, AbortSignal.timeout(DEADLINE_MS)]))
  } catch (error) {
    printLine(colors.red(`\n  The demo failed: ${error instanceof Error ? error.message : String(error)}`))
    return 1
  }
}

async function showBroadcast(timeLimit: AbortSignal): Promise<number> {
  printLine(colors.bold('\n  Tallylight: a broadcast is watched, loses its worker and ffmpeg, and no frame\n'))
  await using folder = await createTemporaryFolder()
  const rtmpPort = await findFreePort(null)
  await using gateway = await startGatewayProcess({
    port: await findFreePort(Number(process.env['PORT']) || null),
    env: {
      DATA_DIR: folder.path,
      API_KEY: generateKey(),
      INTERNAL_API_KEY: generateKey(),
      WEBHOOK_SIGNING_KEY: generateKey(),
      RTMP_PORT: String(rtmpPort),
      RTMP_URL: `rtmp://127.0.0.1:${rtmpPort}/live`,
      LIVE_LADDER: LADDER,
      LOG_LEVEL: 'warn',
    },
    signal: timeLimit,
  })
  const signal = AbortSignal.any([timeLimit, abortOnExit(gateway)])
  const call = await signUp(gateway)
  const stream = await call(CreatedStream, 'POST /api/v1/streams', { title: 'Demo' })
  printLine(`  gateway    ${gateway.origin}`)
  printLine(`  ingest     ${stream.ingest.rtmp_url}`)
  printLine(`  broadcast  ${stream.stream_id}\n`)
  await waitForPort(rtmpPort, signal)
  const shown = { origin: gateway.origin, stream, signal, end: () => call(StreamView, `PUT ${pathOf(stream)}/end`) }
  const played = await followBroadcast(shown)
  return await printResult(played, `${gateway.origin}/live/${stream.stream_id}`)
}

/** Registers a user, logs in, and returns a caller of the API with the session. */
async function signUp(gateway: GatewayProcess) {
  const [username, password] = ['demo', generateKey()]
  const anyone = createApiCaller(gateway, {})
  await anyone(v.unknown(), 'POST /api/v1/auth/register', { username, password, email: 'demo@example.org' })
  const { token } = await anyone(Login, 'POST /api/v1/auth/login', { login: username, password })
  return createApiCaller(gateway, { authorization: `Bearer ${token}` })
}

function pathOf({ stream_id: id }: CreatedStream): string {
  return `/api/v1/streams/${id}`
}

type ShownBroadcast = {
  readonly origin: string
  readonly stream: CreatedStream
  readonly signal: AbortSignal
  readonly end: () => Promise<unknown>
}

/** Publishes the broadcast, watches it, kills its encoding and ends it. */
async function followBroadcast(shown: ShownBroadcast): Promise<PlayedBroadcast> {
  const { origin, stream, signal, end } = shown
  await using encoder = startEncoder({
    url: `${stream.ingest.rtmp_url}/${stream.stream_key}`,
    sec: BROADCAST_SEC,
    height: SOURCE_HEIGHT,
  })
  const timeline = createLiveTimeline()
  const url = `${origin}/live/${stream.stream_id}/master.m3u8`
  const [played] = await Promise.all([
    playBroadcast({ url, signal, onArrival: timeline.noteArrival }),
    showStates(shown, timeline),
    killEncoding(shown, timeline).then(() => finish(encoder, timeline).then(end)),
  ])
  return played
}

/** Prints each state of the broadcast until it has ended. */
async function showStates({ origin, stream, signal }: ShownBroadcast, timeline: LiveTimeline): Promise<void> {
  const response = await fetch(`${origin}${pathOf(stream)}/events`, { signal })
  let last = ''
  for await (const { event, data } of readServerSentEvents(response.body ?? [])) {
    if (event !== 'state') continue
    const { state } = v.parse(v.pipe(v.string(), v.parseJson(), v.object({ state: v.string() })), data)
    if (state !== last) timeline.showState(state)
    last = state
  }
}

async function killEncoding({ stream, signal }: ShownBroadcast, timeline: LiveTimeline): Promise<void> {
  while (timeline.receivedSec() < KILL_AFTER_SEC) await wait(POLL_MS, undefined, { signal })
  const workers = findWorkerPids(`live-${stream.stream_id}`)
  const pids = [...workers, ...workers.flatMap(findEncoderPids)]
  if (pids.length < 2) throw new Error('the live worker and its ffmpeg were not found')
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  timeline.showKill(pids)
}

async function finish(encoder: TestEncoder, timeline: LiveTimeline): Promise<void> {
  const { code, output } = await encoder.ended
  if (code !== 0) throw new Error(`the encoder failed: ${output}`)
  timeline.showEnd()
}

/** Prints the table. Returns the exit code: 1 where a frame is lost or doubled. */
async function printResult(played: PlayedBroadcast, folder: string): Promise<number> {
  const sent = BROADCAST_SEC * FPS
  const found = [
    { where: 'seen by the player', numbers: await played.readFrameNumbers(SOURCE_HEIGHT) },
    { where: 'in the recording', numbers: await readFrameNumbers(`${folder}/master.m3u8`, SOURCE_HEIGHT) },
    { where: 'in its 180p rendition', numbers: await readFrameNumbers(`${folder}/180.m3u8`, 180) },
  ]
  printLine(['', ...formatLiveSummary(sent, found, played.arrivals), ''].join('\n'))
  const isWhole = found.every(({ numbers }) => {
    const { lost, doubled } = countFrames(numbers, sent)
    return lost === 0 && doubled === 0
  })
  printLine(
    isWhole
      ? colors.green(`  all ${sent} frames were seen and recorded, each once\n`)
      : colors.red('  frames are lost or doubled\n'),
  )
  return isWhole ? 0 : 1
}

process.exitCode = await runDemo()
