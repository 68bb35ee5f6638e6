import { setTimeout as wait } from 'node:timers/promises'

import type { BroadcastFault, BroadcastFaultTarget } from '../../../shared/testing/broadcast-simulator.ts'
import type { FaultyResponse } from '../../../shared/testing/local-server.ts'
import { findEncoderPids, findSharedPids } from '../find-processes.ts'
import { killPostgres } from '../whole-system.ts'
import type { ChaosWorld } from './chaos-world.ts'

/** A fault that ends by itself: `inject` resolves once what failed works again, or is about to. */
export type ChaosFault = {
  readonly name: string
  /** Whether the next faults do not wait for its end. */
  readonly isLong?: true
  inject(world: ChaosWorld, pick: PickOne): Promise<void>
}

/** Picks one of several values at random; `undefined` of none. */
export type PickOne = <T>(values: readonly T[]) => T | undefined

/** Longer than the lease of a worker, so that another one takes over while the frozen one still exists. */
const FROZEN_MS = 45_000
const RECEIVER_FAILS_MS = 12_000
const ORIGIN_FAILS_MS = 6_000

const RECEIVER_FAILURES: readonly FaultyResponse[] = [500, 503, 404, 'reset', 'hang']
const ORIGIN_FAILURES: readonly (readonly [BroadcastFaultTarget, BroadcastFault])[] = [
  ['segment', 404],
  ['playlist', 404],
  ['playlist', 503],
  ['playlist', 'reset'],
  ['segment', 'cut'],
  ['playlist', 'backwards'],
]

/** The faults of a run, in the order in which they are injected again and again. */
export const CHAOS_FAULTS: readonly ChaosFault[] = [
  { name: 'kill a worker', inject: killWorker },
  { name: 'fail the receiver', isLong: true, inject: failReceiver },
  { name: 'kill an ffmpeg', inject: killFfmpeg },
  { name: 'fail an origin', inject: failOrigin },
  { name: 'kill Postgres', inject: killPostgres },
  { name: 'kill the gateway', inject: killGateway },
  { name: 'freeze a worker', isLong: true, inject: freezeWorker },
]

async function killWorker(world: ChaosWorld, pick: PickOne): Promise<void> {
  sendSignal(pick(findSharedPids(world.gateway().pid)), 'SIGKILL')
}

async function killFfmpeg(world: ChaosWorld, pick: PickOne): Promise<void> {
  sendSignal(pick(findSharedPids(world.gateway().pid).flatMap(findEncoderPids)), 'SIGKILL')
}

async function killGateway(world: ChaosWorld): Promise<void> {
  world.gateway().kill('SIGKILL')
  await world.gateway().exited
  await world.startGateway()
}

async function freezeWorker(world: ChaosWorld, pick: PickOne): Promise<void> {
  const pid = pick(findSharedPids(world.gateway().pid))
  sendSignal(pid, 'SIGSTOP')
  await wait(FROZEN_MS)
  sendSignal(pid, 'SIGCONT')
}

async function failReceiver(world: ChaosWorld, pick: PickOne): Promise<void> {
  world.setReceiver(pick(RECEIVER_FAILURES) ?? 500)
  await wait(RECEIVER_FAILS_MS)
  world.setReceiver(204)
}

async function failOrigin(world: ChaosWorld, pick: PickOne): Promise<void> {
  const [target, fault] = pick(ORIGIN_FAILURES) ?? ['segment', 404]
  const failing = world.simulators.filter(() => pick([true, false]))
  for (const simulator of failing) simulator.fault(target, fault)
  await wait(ORIGIN_FAILS_MS)
  for (const simulator of failing) simulator.fault(target, null)
}

/** Sends a signal to a process, which may have ended. */
function sendSignal(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}
