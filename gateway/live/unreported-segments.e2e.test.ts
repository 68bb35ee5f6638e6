import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { until } from '../../shared/testing/until.ts'
import { checkInvariants } from '../testing/invariants/check-invariants.ts'
import { startTcpProxy, type TcpProxy } from '../testing/tcp-proxy.ts'
import { withVariables } from '../testing/workers/with-variables.ts'
import { startAdmittedEncoder, type TestEncoder } from './testing/encoder.ts'
import { signUp, type TestUser } from './testing/live-gateway.ts'
import { startLiveStage, type LiveStage } from './testing/live-stage.ts'
import {
  createStagedBroadcast,
  findIngestUrl,
  numbersFrom,
  STAGED_HEIGHT,
  type StagedBroadcast,
  type StagedSegment,
} from './testing/staged-broadcast.ts'

// All faults happen to one broadcast; each test leaves it on the air, but for the last one.

let stage: LiveStage
/** The way of live workers to the gateways. */
let route: TcpProxy
let owner: TestUser
let broadcast: StagedBroadcast
let encoder: TestEncoder
beforeAll(async () => {
  route = await startTcpProxy(() => Number(new URL(stage.url).port))
  const routed = { GATEWAY_URL: `http://127.0.0.1:${route.port}` }
  stage = await startLiveStage(
    { LIVE_LADDER: '180:300' },
    {
      openLauncher: (createLauncher) => withVariables(createLauncher(), ({ kind }) => (kind === 'live' ? routed : {})),
    },
  )
  owner = await signUp(stage.api, 'broadcaster')
  broadcast = await createStagedBroadcast(stage, owner, 'A show')
  const url = `${await findIngestUrl(stage, 'ingest-0')}/${broadcast.streamKey}`
  encoder = await startAdmittedEncoder({ url, sec: 300 })
  await broadcast.waitForSegments(2)
})
afterAll(async () => {
  await encoder[Symbol.asyncDispose]()
  await stage[Symbol.asyncDispose]()
  await route[Symbol.asyncDispose]()
})

/** Segments of two seconds are reported as they are stored. */
const COUNTED_WITHIN_MS = 5000

const folder = () => join(stage.storeDir, 'live', broadcast.id)
const keyOf = ({ epoch, n }: Pick<StagedSegment, 'epoch' | 'n'>) => `${epoch}/${n}`

/** Returns the segments of an epoch that the store has and the playlists do not, the oldest first. */
async function listUnreported(epoch: number): Promise<number[]> {
  const names = await readdir(join(folder(), String(epoch), String(STAGED_HEIGHT)))
  const reported = new Set((await broadcast.listSegments()).map(keyOf))
  return names
    .flatMap((name) => /^(\d+)\.m4s$/.exec(name)?.[1] ?? [])
    .map(Number)
    .filter((n) => !reported.has(keyOf({ epoch, n })))
    .toSorted((a, b) => a - b)
}

async function newestEpoch(): Promise<number> {
  return (await broadcast.listSegments()).at(-1)?.epoch ?? Number.NaN
}

/** Kills the live worker, and waits until the next one has stored segments. */
async function replaceWorker(): Promise<void> {
  const before = await newestEpoch()
  for (const pid of stage.workerPids(`live-${broadcast.id}`)) process.kill(pid, 'SIGKILL')
  route.restore()
  await until(async () => (await newestEpoch()) > before, 'another worker stores segments')
  await broadcast.waitForSegments(1)
}

/** Segments that a worker stored and never reported, by their names below the folder of the broadcast. */
const unreported: string[] = []

it('a segment that is stored when its worker is killed, and not reported, is encoded again and counts once', async () => {
  const epoch = await newestEpoch()
  route.swallow()
  // The report that was on its way may have arrived; what follows it is not sent before its answer.
  await until(async () => (await listUnreported(epoch)).length >= 2, 'two segments are stored and not reported')
  await replaceWorker()
  const left = await listUnreported(epoch)
  expect(left.length).toBeGreaterThanOrEqual(2)
  unreported.push(...left.map((n) => join(String(epoch), String(STAGED_HEIGHT), `${n}.m4s`)))
  expect((await broadcast.read()).state).toBe('live')
})

const countSegments = async () => (await broadcast.listSegments()).length

/** Resolves with whether more segments than before are counted within a few seconds. */
async function isCountedSoon(before: number): Promise<boolean> {
  const endMs = performance.now() + COUNTED_WITHIN_MS
  await until(
    async () => (await countSegments()) > before || performance.now() > endMs,
    'a segment is counted, or none is',
  )
  return (await countSegments()) > before
}

/** Loses the answer to a report that counts a segment. The report on its way may have none: then nothing follows it. */
async function loseAnswer(): Promise<void> {
  for (;;) {
    const before = await countSegments()
    route.swallowAnswers()
    if (await isCountedSoon(before)) return
    route.restore()
    await broadcast.waitForSegments(1)
  }
}

it('a segment whose worker is killed before it knows that the report was counted counts once', async () => {
  const epoch = await newestEpoch()
  await loseAnswer()
  await replaceWorker()
  expect((await broadcast.listSegments()).filter((one) => one.epoch > epoch).length).toBeGreaterThan(0)
  expect((await broadcast.read()).state).toBe('live')
})

it('the playlist and the recording have each frame once, and the store has nothing else in the end', async () => {
  const sent = encoder.sentFrames()
  await until(() => encoder.sentFrames() > sent + 5, 'its muxer, which waits for sound, has written these frames')
  const frames = await broadcast.endAndPlay()
  expect(frames.length).toBeGreaterThanOrEqual(sent)
  expect(frames).toEqual(numbersFrom(0, frames.length))
  const segments = await broadcast.listSegments()
  expect(new Set(segments.map(keyOf)).size).toBe(segments.length)
  const archive = async () => {
    const { archives } = (await stage.api('GET', '/api/v1/archives', undefined, owner.headers)).json
    return archives[0]
  }
  await until(async () => (await archive())?.status !== 'processing', 'its file is made, or cannot be made')
  expect(await archive()).toMatchObject({ status: 'ready', error: null })

  // What no playlist names is removed; the recording stays as it is.
  const stored = async () => new Set(await readdir(folder(), { recursive: true }))
  await until(async () => {
    const names = await stored()
    return unreported.every((name) => !names.has(name))
  }, 'the segments that were not reported are removed')
  const names = await stored()
  for (const { epoch, n } of segments) expect(names).toContain(join(String(epoch), String(STAGED_HEIGHT), `${n}.m4s`))
  for (const epoch of new Set(segments.map((one) => one.epoch))) expect(await listUnreported(epoch)).toEqual([])

  await stage.api('DELETE', `/api/v1/streams/${broadcast.id}`, undefined, owner.headers)
  await until(async () => {
    // The next worker would come half a minute after the last one.
    await stage.database.sql`update assignments set ended_at = now() - interval '1 min' where id = 'storage-0'
      and ended_at > now() - interval '1 min'`
    return (await readdir(folder()).catch(() => null)) === null
  }, 'its folder is removed')
  await checkInvariants(stage.database.sql, { realWorkers: true })
})
