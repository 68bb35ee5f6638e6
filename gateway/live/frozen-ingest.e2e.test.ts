import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'

import { until } from '../../shared/testing/until.ts'
import { checkInvariants } from '../testing/invariants/check-invariants.ts'
import { startTcpProxy, type TcpProxy } from '../testing/tcp-proxy.ts'
import { createTwoMachines, type TwoMachines } from '../testing/workers/two-machines.ts'
import { withVariables } from '../testing/workers/with-variables.ts'
import { startAdmittedEncoder, startEncoder, type TestEncoder } from './testing/encoder.ts'
import { signUp, type TestUser } from './testing/live-gateway.ts'
import { startLiveStage, type LiveStage } from './testing/live-stage.ts'
import { createStagedBroadcast, findIngestUrl, numbersFrom, type StagedBroadcast } from './testing/staged-broadcast.ts'

/** The ingest worker that is frozen, and the one beside it, which `route` cuts off from the gateways. */
const FROZEN = 'ingest-0'
const BESIDE = 'ingest-1'
const SETTINGS = { LIVE_LADDER: '180:300', RECONNECT_WINDOW: '120s', INGEST_WORKERS: '2', LOG_LEVEL: 'info' }
/** First number in the frames of a second encoder. */
const SECOND_FIRST = 8192
/** What a worker may take at most, in MB: far less than a session that is kept without bounds would. */
const MOST_MB = 512

let stage: LiveStage
let machines: TwoMachines
let route: TcpProxy
let folder: string
let owner: TestUser
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tallylight-ingest-'))
  route = await startTcpProxy(() => Number(new URL(stage.url).port))
  let launches = 0
  const variablesOf = (name: string) => ({
    // Any free ports, and a journal of its own, as on another machine.
    RTMP_PORT: '0',
    WHIP_PORT: '0',
    JOURNAL_DIR: join(folder, String(launches++)),
    ...(name === BESIDE ? { GATEWAY_URL: `http://127.0.0.1:${route.port}` } : {}),
  })
  stage = await startLiveStage(SETTINGS, {
    openLauncher(createLauncher) {
      machines = createTwoMachines(createLauncher(), createLauncher())
      return withVariables(machines, ({ kind, name }) => (kind === 'ingest' ? variablesOf(name) : {}))
    },
  })
  owner = await signUp(stage.api, 'broadcaster')
})
afterAll(async () => {
  await checkInvariants(stage.database.sql, { realWorkers: true })
  await stage[Symbol.asyncDispose]()
  await route[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** A broadcast with an encoder that publishes to an ingest worker. */
type OnAir = AsyncDisposable & { readonly broadcast: StagedBroadcast; readonly encoder: TestEncoder }

async function goOnAir(title: string, ingestId: string): Promise<OnAir> {
  const broadcast = await createStagedBroadcast(stage, owner, title)
  const url = `${await findIngestUrl(stage, ingestId)}/${broadcast.streamKey}`
  const encoder = await startAdmittedEncoder({ url, sec: 600 })
  await broadcast.waitForSegments(2)
  return { broadcast, encoder, [Symbol.asyncDispose]: () => encoder[Symbol.asyncDispose]() }
}

const stateOf = async ({ read }: StagedBroadcast) => (await read()).state

/** Makes the time since the encoder of a broadcast was reported last longer than one may be unseen. */
async function passUnseenTime({ id }: StagedBroadcast): Promise<void> {
  await stage.database.sql`update streams set publisher_seen_at = now() - interval '1 min' where stream_id = ${id}`
}

async function sessionsOf({ id }: StagedBroadcast): Promise<string[]> {
  const rows = await stage.database.sql<{ session: string }[]>`
    select distinct on (session) session, epoch, run from encoder_runs where stream_id = ${id} order by session, epoch, run`
  return rows.map(({ session }) => session)
}

/** What reports of an ingest worker change. */
async function readReported({ id }: StagedBroadcast) {
  const [row] = await stage.database.sql`
    select s.state, s.publisher_session, s.publisher_ingest, i.rtmp_port, a.epoch from streams s, ingest_servers i, assignments a
    where s.stream_id = ${id} and i.ingest_id = ${FROZEN} and a.id = i.ingest_id`
  return row
}

/** Plays a broadcast to its end; every frame that its encoder had sent is there, once. */
async function expectAllFrames({ broadcast, encoder }: OnAir): Promise<void> {
  const sent = encoder.sentFrames()
  await until(() => encoder.sentFrames() > sent + 5, 'its muxer, which waits for sound, has written these frames')
  await broadcast.waitForSegments(1)
  const frames = await broadcast.endAndPlay()
  expect(frames.length).toBeGreaterThanOrEqual(sent)
  expect(frames).toEqual(numbersFrom(0, frames.length))
}

async function mostMemoryMb(pid: number): Promise<number> {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

it('an ingest worker that is frozen past its lease costs other broadcasts no frame, and changes nothing once it thaws', async () => {
  await using beside = await goOnAir('Beside', BESIDE)
  await using frozen = await goOnAir('Frozen', FROZEN)
  const { broadcast } = frozen
  const url = await findIngestUrl(stage, FROZEN)
  const [pid = 0] = stage.workerPids(FROZEN)
  process.kill(pid, 'SIGSTOP')
  onTestFinished(() => killIfRunning(pid))
  machines.cutOff(FROZEN)
  await passUnseenTime(broadcast)
  await until(async () => (await stateOf(broadcast)) === 'reconnecting', 'the encoder is away')
  await stage.database.sql`update assignments set lease_until = now() - interval '1 s' where id = ${FROZEN}`

  // An encoder that comes back at another ingest worker goes on in the same broadcast, though the first one is mute.
  await until(async () => (await findIngestUrl(stage, FROZEN)) !== url, 'another ingest worker listens')
  const again = `${await findIngestUrl(stage, FROZEN)}/${broadcast.streamKey}`
  await using second = await startAdmittedEncoder({ url: again, sec: 600, firstNumber: SECOND_FIRST })
  await until(async () => (await sessionsOf(broadcast)).length === 2, 'the second encoder is encoded')
  await broadcast.waitForSegments(1)
  const before = await readReported(broadcast)
  expect(before).toMatchObject({ state: 'live', publisher_ingest: FROZEN, epoch: 2 })

  // It thaws with what its encoder has sent meanwhile, and with another encoder that waits for it.
  await using late = startEncoder({ url: `${url}/${broadcast.streamKey}`, sec: 5 })
  process.kill(pid, 'SIGCONT')
  await until(() => !stage.workerPids(FROZEN).includes(pid), 'it has exited')
  const refusals = () => stage.workerLines.filter((line) => line.includes('gateway refused the call'))
  await until(() => refusals().length > 0, 'it has logged why')
  expect(refusals()).toEqual([expect.stringContaining('STALE_EPOCH')])
  expect((await late.ended).code).not.toBe(0)
  expect((await frozen.encoder.ended).code).not.toBe(0)
  await broadcast.waitForSegments(2)
  expect(await readReported(broadcast)).toEqual(before)
  const workers = [FROZEN, BESIDE, `live-${broadcast.id}`, `live-${beside.broadcast.id}`]
  for (const one of workers.flatMap((id) => stage.workerPids(id))) expect(await mostMemoryMb(one)).toBeLessThan(MOST_MB)

  const sent = second.sentFrames()
  await broadcast.waitForSegments(1)
  const frames = await broadcast.endAndPlay()
  const first = frames.filter((number) => number < SECOND_FIRST)
  expect(first.length).toBeGreaterThan(0)
  expect(first).toEqual(numbersFrom(0, first.length))
  const rest = frames.slice(first.length)
  expect(rest.length).toBeGreaterThan(sent / 2)
  expect(rest).toEqual(numbersFrom(SECOND_FIRST, rest.length))
  await expectAllFrames(beside)
})

it('an ingest worker that is cut off from the gateways sends on what comes, admits no encoder, and loses no frame', async () => {
  await using cut = await goOnAir('Cut off', BESIDE)
  const { broadcast } = cut
  const url = `${await findIngestUrl(stage, BESIDE)}/${broadcast.streamKey}`
  route.swallow()
  onTestFinished(() => route.restore())
  await until(async () => {
    // However slow this machine is, the lease does not end meanwhile.
    await stage.database.sql`update assignments set lease_until = now() + interval '1 hour' where id = ${BESIDE}`
    await passUnseenTime(broadcast)
    return (await stateOf(broadcast)) === 'reconnecting'
  }, 'no gateway sees the encoder')
  await broadcast.waitForSegments(2)
  await using refused = startEncoder({ url, sec: 5 })
  expect((await refused.ended).output).toContain('cannot be reached')
  route.restore()
  await until(async () => (await stateOf(broadcast)) === 'live', 'the encoder is seen again')
  expect(await sessionsOf(broadcast)).toHaveLength(1)
  await expectAllFrames(cut)
})

/** Kills a process; it may have ended. */
function killIfRunning(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // ESRCH: it has.
  }
}
