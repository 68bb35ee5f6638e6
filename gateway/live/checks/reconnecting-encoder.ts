import type { TestEncoder } from '../testing/encoder.ts'
import { ENCODER_FPS } from '../testing/encoder.ts'
import type { CheckedBroadcast } from './product.ts'
import { publishEndlessly } from './publishing.ts'
import { pause } from './wait-until.ts'

/** One connection of an encoder: the number of its first frame, and when it was lost, in ms of the unix time. */
type EncoderConnection = {
  readonly encoder: TestEncoder
  readonly firstNumber: number
  readonly startedMs: number
  lostMs: number | null
}

/** An encoder that connects again by itself, as OBS does. Its frame numbers go on with the time. */
export type ReconnectingEncoder = AsyncDisposable & {
  /** Returns when a frame was sent, in ms of the unix time; `null` where it was not. */
  sentAtMs(number: number): number | null
  /** Notes that what receives its frames was killed, which loses the connection. */
  noteLoss(atMs: number): void
  /** Returns the numbers of the frames that were sent half a second before their connection was lost, or earlier. */
  sentNumbers(): readonly number[]
  /** Ends it; resolves once all frames are sent. */
  stop(): Promise<void>
}

const RETRY_SEC = 0.5
/** What an encoder has sent in the last moment before its connection breaks has not arrived, in ms. */
const IN_FLIGHT_MS = 500

/** Starts an encoder that connects again whenever it is disconnected. */
export function startReconnectingEncoder(broadcast: CheckedBroadcast): ReconnectingEncoder {
  const stopping = new AbortController()
  const startedMs = Date.now()
  const connections: EncoderConnection[] = []

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const firstNumber = Math.round(((Date.now() - startedMs) / 1000) * ENCODER_FPS)
      const encoder = publishEndlessly(broadcast, firstNumber)
      const connection: EncoderConnection = { encoder, firstNumber, startedMs: Date.now(), lostMs: null }
      connections.push(connection)
      await encoder.ended
      if (!stopping.signal.aborted) connection.lostMs ??= Date.now()
      await pause(RETRY_SEC, stopping.signal).catch(() => undefined)
    }
  }
  const running = run()

  async function stop(): Promise<void> {
    stopping.abort()
    connections.at(-1)?.encoder.kill('SIGINT')
    await running
  }

  return {
    sentAtMs: (number) =>
      connections.findLast(({ firstNumber }) => firstNumber <= number)?.encoder.sentAtMs(number) ?? null,
    noteLoss(atMs) {
      const lost = connections.findLast((connection) => connection.startedMs < atMs)
      if (lost !== undefined) lost.lostMs = Math.min(lost.lostMs ?? atMs, atMs)
    },
    sentNumbers: () => connections.flatMap(listArrived),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function listArrived({ encoder, firstNumber, lostMs }: EncoderConnection): readonly number[] {
  const all = Array.from({ length: encoder.sentFrames() }, (_, i) => firstNumber + i)
  return lostMs === null ? all : all.filter((number) => (encoder.sentAtMs(number) ?? lostMs) < lostMs - IN_FLIGHT_MS)
}
