import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { Sql } from 'postgres'
import { expect, test } from 'vitest'

import { readFrameNumbers } from '../../shared/testing/frame-counter.ts'
import { until } from '../../shared/testing/until.ts'
import { createTemporaryFolder } from '../demo/demo-gateway.ts'
import { findWorkerPids, readParentPid } from '../testing/find-processes.ts'
import { checkInvariants } from '../testing/invariants/check-invariants.ts'
import { startPushService, type PushService, type ReceivedPush } from '../testing/push-service.ts'
import { createTestDatabase } from '../testing/test-database.ts'
import { createApiCalls, type ApiResponse, type Json } from '../testing/test-gateway.ts'
import { startWholeSystem, type WholeSystem } from '../testing/whole-system.ts'
import { signUp, type TestUser } from './testing/live-gateway.ts'
import { seedFollowers } from './testing/seed-followers.ts'
import { storeBroadcast, STORED_HEIGHT } from './testing/stored-broadcast.ts'
import { signEvent, startStripeStandIn, type StripeStandIn } from './tips/testing/stripe-stand-in.ts'

/** Three batches of notices: the gateway is killed in the middle of the second. */
const FOLLOWERS = 2500
const KILLED_AT = 1500
/** More than both gateways send to at a time. */
const BROWSERS = 80
const [SEGMENTS, CLIP_SEC, FPS] = [3, 5, 30]

/** Two gateways of one database, what is outside of them, and what is in it. */
type Platform = AsyncDisposable & {
  readonly gateways: readonly [WholeSystem, WholeSystem]
  readonly sql: Sql
  readonly push: PushService
  readonly stripe: StripeStandIn
  /** A channel with many followers; and one that has those of them who have browsers, and whose user clips and tips. */
  readonly owner: TestUser
  readonly viewer: TestUser
  /** A broadcast with a chat, and one that is recorded. */
  readonly streamId: string
  readonly recordedId: string
}

async function startPlatform(): Promise<Platform> {
  const [push, stripe, database] = [await startPushService(), await startStripeStandIn(), await createTestDatabase()]
  const media = await createTemporaryFolder()
  const trusted = join(media.path, 'push-service.pem')
  await writeFile(trusted, push.certificate.cert)
  const start = (name: string) =>
    startWholeSystem({
      // By this name, the test knows the connections of a gateway.
      DATABASE_URL: `${database.url}?application_name=${name}`,
      STORAGE_DIR: media.path,
      NODE_EXTRA_CA_CERTS: trusted,
      VAPID_SUBJECT: 'mailto:admin@live.example',
      ...stripe.env,
      TIP_FEE_PERCENT: '5.5',
      LIVE_WATCHDOG: 'false',
    })
  const gateways = await Promise.all([start('0'), start('1')])
  const { sql } = database
  const { api } = createApiCalls(gateways[0].gateway().origin)
  const [owner, viewer] = [await signUp(api, 'owner-of-all'), await signUp(api, 'viewer')]
  const ownerId: string = owner.user.user_id
  const { json } = await api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)
  const recordedId = await storeBroadcast(sql, { mediaDir: media.path, ownerId, segments: SEGMENTS })
  const { json: key } = await api('GET', '/api/v1/notifications/push', undefined, viewer.headers)
  const channels = [ownerId, viewer.user.user_id] as const
  const followers = { channels, followers: FOLLOWERS, browsers: BROWSERS }
  await seedFollowers(sql, { push, serverKey: key.public_key }, followers)
  await noteClips(sql)
  const platform = { gateways, sql, push, stripe, owner, viewer, streamId: json.stream_id, recordedId }
  return {
    ...platform,
    async [Symbol.asyncDispose]() {
      for (const one of [...gateways, database, media, stripe, push]) await one[Symbol.asyncDispose]()
    },
  }
}

/** Lets the database note what becomes of clips. */
async function noteClips(sql: Sql): Promise<void> {
  await sql`create table clip_changes (clip_id uuid, status text)`
  await sql`create function note_clip() returns trigger language plpgsql as
    $$ begin insert into clip_changes values (new.clip_id, new.status); return new; end $$`
  await sql`create trigger note_clip after update of status on clips for each row execute function note_clip()`
}

const apiOf = (system: WholeSystem) => createApiCalls(system.gateway().origin).api

/** Calls gateways until one answers with this status, as clients do: the next one once the one before is gone. */
async function callUntil(
  status: number,
  gateways: readonly WholeSystem[],
  call: (api: ReturnType<typeof apiOf>) => Promise<ApiResponse>,
): Promise<Json> {
  const [next, ...others] = gateways
  if (next === undefined) throw new Error('no gateway is left')
  for (;;) {
    const answer = await call(apiOf(next)).catch(() => null)
    if (answer === null) return callUntil(status, others, call)
    if (answer.status === status) return answer.json
    await delay(100)
  }
}

/** Announces a broadcast to the followers of a channel; returns its id. */
async function plan(gateway: WholeSystem, { headers }: TestUser): Promise<string> {
  const body = { title: 'Planned', scheduled_for: new Date(Date.now() + 3_600_000).toISOString() }
  return (await apiOf(gateway)('POST', '/api/v1/streams', body, headers)).json.stream_id
}

const tip =
  ({ streamId, viewer }: Platform, key: string) =>
  (api: ReturnType<typeof apiOf>) =>
    api(
      'POST',
      '/api/v1/transactions',
      { stream_id: streamId, amount: 1000, currency: 'eur' },
      { ...viewer.headers, 'idempotency-key': key },
    )

/** Delivers the newest event of Stripe. */
const inform = ({ stripe }: Platform) => {
  const body = JSON.stringify(stripe.events.at(-1))
  const headers = { 'x-api-key': '', 'stripe-signature': signEvent(body) }
  return (api: ReturnType<typeof apiOf>) => api('POST', '/api/v1/stripe/webhook', body, headers)
}

/** Returns the gateway that a lock holds up while it writes notices, and the other one. */
async function findWriter({ gateways, sql }: Platform): Promise<readonly [WholeSystem, WholeSystem]> {
  let name = ''
  await until(async () => {
    const [row] = await sql<{ name: string }[]>`
      select application_name as name from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%insert into "notifications"%'`
    name = row?.name ?? ''
    return row !== undefined
  }, 'a gateway is in the middle of the notices')
  const [first, second] = gateways
  return name === '0' ? [first, second] : [second, first]
}

/** A clip that a worker has begun to cut. The worker is frozen until `thaw`, or the end of the test. */
type FrozenClip = Disposable & { readonly id: string; readonly workerPid: number; readonly thaw: () => void }

/** Orders clips until the workers of a gateway cut one; others are of no interest. */
async function freezeClip({ sql, viewer, recordedId }: Platform, gateway: WholeSystem): Promise<FrozenClip> {
  for (;;) {
    const path = `/api/v1/streams/${recordedId}/clips`
    const id = (await apiOf(gateway)('POST', path, { duration: CLIP_SEC }, viewer.headers)).json.clip_id
    const claimed = () => sql`select from assignments where id = ${`clip-${id}`} and claimed_at is not null`
    await until(async () => (await claimed()).length > 0, 'a worker has begun to cut it')
    const [workerPid = 0] = findWorkerPids(`clip-${id}`)
    const isOwn = readParentPid(workerPid) === gateway.gateway().pid
    if (isOwn) process.kill(workerPid, 'SIGSTOP')
    const [row] = await sql`select status from clips where clip_id = ${id}`
    let isFrozen = isOwn
    const thaw = () => {
      if (isFrozen) process.kill(workerPid, 'SIGCONT')
      isFrozen = false
    }
    if (isOwn && row?.['status'] === 'processing') return { id, workerPid, thaw, [Symbol.dispose]: thaw }
    thaw()
  }
}

/** Returns how many pushes a gateway sends at the moment. */
async function countPushesOf({ sql }: Platform, gateway: WholeSystem): Promise<number> {
  const pid = String(gateway.gateway().pid)
  return (await sql`select from pushes where split_part(taken_by, ':', 2) = ${pid}`).length
}

/** Returns whether a gateway writes notices, applies an event, waits for Stripe, and sends pushes as the other one does. */
async function isInTheMiddle(platform: Platform, victim: WholeSystem): Promise<boolean> {
  const { sql, push, stripe, gateways } = platform
  const [row] = await sql<{ is_held: boolean }[]>`
    select count(*) filter (where query like '%insert into "notifications"%') > 0
      and count(*) filter (where query like '%"transactions"%for update%') > 0
      and exists (select from transactions where payment_intent is null) as is_held
    from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and application_name = ${String(gateways.indexOf(victim))}`
  const sending = await Promise.all(gateways.map((gateway) => countPushesOf(platform, gateway)))
  const hasArrived = push.waiting() === sending.reduce((sum, count) => sum + count, 0)
  return row?.is_held === true && stripe.intents.size === 2 && hasArrived && sending.every((count) => count > 0)
}

test('two gateways, one of them killed in the middle of everything, lose and double nothing', async () => {
  await using platform = await startPlatform()
  const { sql, push, stripe } = platform
  const paid = await callUntil(201, platform.gateways, tip(platform, 'paid'))
  stripe.pay(paid.payment_intent)
  // A follower and a tip are locked: a gateway that comes upon them is in the middle of its work.
  await using locks = await lockRows(sql, paid.transaction_id)
  push.behave('wait')
  const announced = await plan(platform.gateways[0], platform.owner)
  const pushed = await plan(platform.gateways[0], platform.viewer)
  const [victim, survivor] = await findWriter(platform)
  using clip = await freezeClip(platform, victim)
  stripe.setOutcome('hang')
  const begun = callUntil(201, [victim, survivor], tip(platform, 'begun'))
  const informed = callUntil(200, [victim, survivor], inform(platform))
  await until(() => isInTheMiddle(platform, victim), 'it is in the middle of everything')

  victim.gateway().kill('SIGKILL')
  await victim.gateway().exited
  clip.thaw()
  const hasLostVictim = async () => push.waiting() === (await countPushesOf(platform, survivor))
  await until(hasLostVictim, 'the push service has lost its connections')
  push.behave('take')
  stripe.setOutcome('answer')
  await locks.release()

  await informed
  stripe.pay((await begun).payment_intent)
  await callUntil(200, [survivor], inform(platform))
  // It comes back, as its supervisor sees to: what the other one has not taken over yet need not wait for leases.
  await victim.startGateway()
  await expectClip(platform, survivor, clip)
  await until(() => isAnnounced(sql), 'all notices are written, and all pushes sent')
  await expectNotices(sql, { [announced]: FOLLOWERS, [pushed]: BROWSERS })
  expectPushes(push, [announced, pushed])
  await expectTips(platform, survivor)
  await checkInvariants(sql, { realWorkers: true })
})

/** Locks a follower in the middle of all, and a tip. */
async function lockRows(sql: Sql, transactionId: string) {
  const connection = await sql.reserve()
  await connection`begin`
  await connection`set local idle_in_transaction_session_timeout = 0`
  await connection`select from transactions where transaction_id = ${transactionId} for update`
  await connection`select from users where user_id = (
    select follower_id from follows where follower_id not in (select user_id from push_subscriptions)
    order by follow_id offset ${KILLED_AT} limit 1) for update`
  let isHeld = true
  async function release(): Promise<void> {
    if (!isHeld) return
    isHeld = false
    await connection`rollback`
    connection.release()
  }
  return { release, [Symbol.asyncDispose]: release }
}

/** Returns whether all that was announced is written, enqueued and sent. */
async function isAnnounced(sql: Sql): Promise<boolean> {
  const open = await sql`
    select from announcements where done_at is null
    union all select from notice_deliveries where done_at is null union all select from pushes`
  return open.length === 0
}

async function expectNotices(sql: Sql, counts: Readonly<Record<string, number>>): Promise<void> {
  const rows = await sql<{ id: string; notices: number; users: number }[]>`
    select stream_id as id, count(*)::int as notices, count(distinct user_id)::int as users from notifications
    group by stream_id`
  const countsOf = (name: 'notices' | 'users') => Object.fromEntries(rows.map((row) => [row.id, row[name]]))
  expect([countsOf('notices'), countsOf('users')]).toEqual([counts, counts])
}

/**
 * A push is deleted after it was sent. One whose answer its gateway did not get is sent again, with the same tag, so that the
 * browser replaces its notification.
 */
function expectPushes({ pushes, answered, problems }: PushService, tags: readonly string[]): void {
  const keyOf = ({ endpoint, content }: ReceivedPush) => `${content['tag']} ${endpoint}`
  const known = new Map(answered.map((push) => [keyOf(push), push]))
  expect([known.size, answered.length, problems]).toEqual([tags.length * BROWSERS, tags.length * BROWSERS, []])
  expect(new Set(answered.map(({ content }) => content['tag']))).toEqual(new Set(tags))
  const repeated = pushes.filter((push) => !answered.includes(push))
  expect(repeated.length).toBeGreaterThan(0)
  for (const push of repeated) expect(push.content).toEqual(known.get(keyOf(push))?.content)
}

async function expectTips({ sql, stripe, streamId }: Platform, gateway: WholeSystem): Promise<void> {
  expect(await sql`select payment_intent as id, status from transactions order by payment_intent`).toEqual(
    [...stripe.intents.keys()].map((id) => ({ id, status: 'succeeded' })),
  )
  expect(stripe.intents.size).toBe(2)
  const lines = (await apiOf(gateway)('GET', `/api/v1/streams/${streamId}/messages`)).json.messages
  expect(lines.map(({ text }: Json) => text)).toEqual(['Tip 10.00 EUR', 'Tip 10.00 EUR'])
  const books = await sql`select account, sum(amount)::int as sum, count(*)::int as entries from ledger_entries
    group by account order by account`
  expect(books).toEqual([
    { account: 'platform', sum: 110, entries: 2 },
    { account: 'receiver', sum: 1890, entries: 4 },
    { account: 'sender', sum: -2000, entries: 2 },
  ])
}

async function expectClip({ sql, viewer }: Platform, gateway: WholeSystem, { id, workerPid }: FrozenClip) {
  const read = async () => (await apiOf(gateway)('GET', `/api/v1/clips/${id}`, undefined, viewer.headers)).json
  await until(async () => (await read()).status !== 'processing', 'the clip is cut')
  const cut = await readFrameNumbers(gateway.gateway().origin + (await read()).playback_url, STORED_HEIGHT)
  expect(cut).toEqual(Array.from({ length: CLIP_SEC * FPS }, (_one, i) => (SEGMENTS * 2 - CLIP_SEC) * FPS + i))
  await until(() => !findWorkerPids(`clip-${id}`).includes(workerPid), 'its first worker has ended')
  expect(await sql`select status from clip_changes where clip_id = ${id}`).toEqual([{ status: 'ready' }])
}
