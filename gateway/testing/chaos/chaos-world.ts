import { makeClip, type Clip, type ClipPart } from '../../../shared/testing/clips.ts'
import { startBroadcastSimulator, type BroadcastSimulator } from '../../../shared/testing/broadcast-simulator.ts'
import type { FaultyResponse } from '../../../shared/testing/local-server.ts'
import { startWholeSystem, type WholeSystem } from '../whole-system.ts'

/** The product, the broadcasts that it monitors, and a webhook receiver that can fail. */
export type ChaosWorld = WholeSystem & {
  readonly clip: Clip
  readonly simulators: readonly BroadcastSimulator[]
  /** Ids of the monitors, one of each broadcast. */
  readonly monitors: readonly string[]
  /** Sets how the receiver responds to further deliveries. */
  setReceiver(answer: FaultyResponse): void
}

const BROADCASTS = 8
const SEGMENT_SEC = 2
/** Each part of the clip has a long and a short fault of the picture, a fault of the sound, and edges inside segments. */
const PARTS: readonly ClipPart[] = [
  { sec: 9 },
  { sec: 8.4, video: 'black' },
  { sec: 7.3 },
  { sec: 6.1, audio: 'silent' },
  { sec: 3.2 },
]
const PARTS_SEC = PARTS.reduce((sum, { sec }) => sum + sec, 0)
const CONFIG = { check_interval_sec: 2, blackout_threshold_sec: 3, silence_threshold_sec: 2, webhook_policy: 'durable' }

/** Returns the stretches of a clip's picture that are black, in seconds from its beginning. */
export function listBlackStretches(lengthSec: number): readonly { readonly fromSec: number; readonly sec: number }[] {
  const [normal, black] = PARTS
  if (normal === undefined || black === undefined) return []
  return Array.from({ length: Math.floor(lengthSec / PARTS_SEC) }, (_, i) => {
    return { fromSec: i * PARTS_SEC + normal.sec, sec: black.sec }
  })
}

/** Starts the product as a user does, with broadcasts of at least `lengthSec`, and creates a monitor of each. */
export async function startChaosWorld(lengthSec: number): Promise<ChaosWorld> {
  const parts = Array.from({ length: Math.ceil(lengthSec / PARTS_SEC) }, () => PARTS).flat()
  const clip = await makeClip(parts, { segmentSec: SEGMENT_SEC, fps: 25, size: '256x144', container: 'ts' })
  const simulators = await Promise.all(Array.from({ length: BROADCASTS }, () => startBroadcastSimulator(clip)))
  let answer: FaultyResponse = 204
  async function stopSimulators(): Promise<void> {
    await Promise.all(simulators.map((simulator) => simulator[Symbol.asyncDispose]()))
    await clip[Symbol.asyncDispose]()
  }
  const system = await startWholeSystem(
    { RATE_LIMIT_WRITES_PER_MIN: '100000' },
    { behaviour: () => answer, isEmbedded: true, isFromSource: true },
  ).catch(async (error: unknown) => {
    await stopSimulators()
    throw error
  })
  const monitors = await Promise.all(simulators.map(({ url }) => createMonitor(system, url)))
  return {
    ...system,
    clip,
    simulators,
    monitors,
    setReceiver(next) {
      answer = next
    },
    async [Symbol.asyncDispose]() {
      await system[Symbol.asyncDispose]()
      await stopSimulators()
    },
  }
}

async function createMonitor(system: WholeSystem, streamUrl: string): Promise<string> {
  const body = { stream_url: streamUrl, callback_url: system.receiver.url, config: CONFIG }
  const made = await system.api('POST', '/api/v1/monitors', body)
  if (made.status !== 201) throw new Error(`POST /monitors: ${made.status} ${JSON.stringify(made.json)}`)
  return made.json.monitor_id
}
