import { setTimeout as wait } from 'node:timers/promises'

import { createLog } from '../../../shared/log.ts'
import { connectPostgres } from '../../adapters/postgres/connect.ts'
import { checkInvariants } from '../invariants/check-invariants.ts'
import { startChaosWorld, type ChaosWorld } from './chaos-world.ts'
import { CHAOS_FAULTS, type PickOne } from './faults.ts'
import { judgeMonitors } from './judge-monitors.ts'

/**
 * `npm run check:chaos [MINUTES [SEED]]`: eight broadcasts are monitored while processes are killed and their
 * surroundings fail, by default for ten minutes. Then the broadcasts end, and the invariants are checked.
 */
const [minutes = '10', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2)
/** Seconds after the last fault in which the monitors reach the end of their broadcasts. */
const CALM_SEC = 60
const BETWEEN_FAULTS_MS = 8_000
const DELIVERED_WITHIN_MS = 300_000

const lengthSec = Number(minutes) * 60
if (!(lengthSec > 0)) throw new Error(`MINUTES must be a positive number, but is ${minutes}`)
const pick = createPick(Number(seed))
await using world = await startChaosWorld(lengthSec + CALM_SEC)
say(`seed ${seed}: ${world.monitors.length} monitors, faults for ${minutes} min`)
await injectFaults(world, Date.now() + lengthSec * 1000)
say('calm: waiting for the ends of the broadcasts and of the deliveries')
await retryFailedDeliveries(world)
await waitForDeliveries(world)

const figures = await judgeMonitors(world)
for (const { measured, bound, holds } of figures) say(`${holds ? 'pass' : 'FAIL'}  ${measured} (${bound})`)
await using database = connectPostgres(
  world.databaseUrl,
  createLog('chaos', 'error', (line) => say(line)),
)
await checkInvariants(database.sql, { realWorkers: true, received: world.receiver.deliveries })
say('pass  every invariant holds')
if (!figures.every(({ holds }) => holds)) process.exitCode = 1

/** Injects the faults one after the other; a long one, as of a frozen worker, overlaps the next ones. */
async function injectFaults(target: ChaosWorld, untilMs: number): Promise<void> {
  const running: Promise<void>[] = []
  for (let i = 0; Date.now() < untilMs; i++) {
    const fault = CHAOS_FAULTS[i % CHAOS_FAULTS.length]
    if (fault === undefined) break
    say(fault.name)
    const injected = fault.inject(target, pick)
    running.push(injected)
    await (fault.isLong ? wait(BETWEEN_FAULTS_MS) : injected.then(() => wait(BETWEEN_FAULTS_MS)))
  }
  await Promise.all(running)
}

/** Requests attempts now, as an operator would: after some failures, the durable policy waits for half an hour and longer. */
async function retryFailedDeliveries({ api, databaseUrl }: ChaosWorld): Promise<void> {
  await using postgres = connectPostgres(
    databaseUrl,
    createLog('chaos', 'error', () => undefined),
  )
  const failed = await postgres.sql<{ event_id: string; subject: string }[]>`
    select event_id, subject from outbox_events where status = 'pending' and attempts > 0`
  for (const { subject, event_id: id } of failed)
    await api('POST', `/api/v1/monitors/${subject}/events/${id}/redeliver`)
}

/** Resolves once every monitor has ended and nothing waits to be delivered. */
async function waitForDeliveries({ api, monitors, databaseUrl, gateway }: ChaosWorld): Promise<void> {
  await using postgres = connectPostgres(
    databaseUrl,
    createLog('chaos', 'error', () => undefined),
  )
  async function findWaiting(): Promise<readonly string[]> {
    const states = await Promise.all(monitors.map((id) => api('GET', `/api/v1/monitors/${id}`)))
    const running = states.filter(({ json }) => !['completed', 'error', 'stopped'].includes(json.status))
    const events = await postgres.sql<{ event_id: string }[]>`
      select event_id, subject, event_type, attempts, last_error from outbox_events where status = 'pending'`
    return [...running.map(({ json }) => json), ...events].map((one) => JSON.stringify(one))
  }
  for (const endMs = Date.now() + DELIVERED_WITHIN_MS; ; await wait(1000)) {
    const waiting = await findWaiting().catch((error: unknown) => [String(error)])
    if (waiting.length === 0) return
    if (Date.now() > endMs) throw new Error(`not in time: ${[...waiting, ...gateway().lastLines].join('\n')}`)
  }
}

/** Creates a pick that repeats itself with the same seed (a linear congruential generator, Numerical Recipes §7.1). */
function createPick(start: number): PickOne {
  let state = start >>> 0
  return (values) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return values[Math.floor((state / 2 ** 32) * values.length)]
  }
}

function say(text: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)
}
