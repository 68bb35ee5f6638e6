import { setTimeout as wait } from 'node:timers/promises'

import postgres from 'postgres'

import { seedChats } from '../../live/testing/seed-chat.ts'
import type { BenchResult } from '../result-table.ts'
import { startBenchSystem } from '../system.ts'

const FOLLOWERS = 100_000
/** The slowest of so many announcements is shown. */
const ANNOUNCEMENTS = 5
const LIMIT_MS = 300
const POLL_MS = 50
const HOUR_MS = 3_600_000

/** Measures how long a broadcast of a channel with 100,000 followers takes to be announced, and to be noticed by all. */
export async function benchFollowers(): Promise<BenchResult[]> {
  await using system = await startBenchSystem({
    separateDatabase: true,
    env: { INGEST_WORKERS: '0', LIVE_WATCHDOG: 'false' },
  })
  const { databaseUrl, keys, origin } = system
  const { tokens } = await seedChats({ databaseUrl, internalKey: keys.INTERNAL_API_KEY }, { chats: 1, writers: 2 })
  const sql = postgres(databaseUrl, { max: 1 })
  await seedFollowers(sql)
  const [followed = '', alone = ''] = tokens
  const announcingMs = async (token: string) => {
    const startedMs = performance.now()
    await announce(origin, token)
    return performance.now() - startedMs
  }
  await announcingMs(alone)
  const aloneMs: number[] = []
  const followedMs: number[] = []
  const startedMs = performance.now()
  for (let i = 0; i < ANNOUNCEMENTS; i++) {
    followedMs.push(await announcingMs(followed))
    aloneMs.push(await announcingMs(alone))
  }
  while ((await countNotices(sql)) < ANNOUNCEMENTS * FOLLOWERS) await wait(POLL_MS)
  const writtenMs = performance.now() - startedMs
  const plainMs = await insertPlainly(sql)
  await sql.end()
  const [slowest, slowestAlone] = [Math.max(...followedMs), Math.max(...aloneMs)]
  return [
    {
      name: `announcing a broadcast to ${FOLLOWERS} followers, until it is answered`,
      ours: `${slowest.toFixed(0)} ms`,
      compared: `to none: ${slowestAlone.toFixed(0)} ms; limit: ${LIMIT_MS} ms`,
      ratio: slowest / LIMIT_MS,
      goal: '≤ 1',
    },
    {
      name: `notices written a second, of ${ANNOUNCEMENTS * FOLLOWERS}`,
      ours: ((ANNOUNCEMENTS * FOLLOWERS * 1000) / writtenMs).toFixed(0),
      compared: `one \`insert … select\` of the same rows: ${((FOLLOWERS * 1000) / plainMs).toFixed(0)}`,
      ratio: (ANNOUNCEMENTS * plainMs) / writtenMs,
      goal: 'listed',
    },
  ]
}

async function seedFollowers(sql: postgres.Sql): Promise<void> {
  await sql`
    insert into users (user_id, username, email, password_hash)
    select gen_random_uuid(), 'follower-' || n, 'follower-' || n || '@example.org', '-'
    from generate_series(1, ${FOLLOWERS}) n`
  await sql`
    insert into follows (follow_id, follower_id, following_id)
    select gen_random_uuid(), fan.user_id, star.user_id from users fan, users star
    where fan.username like 'follower-%' and star.username = 'writer-0'`
  await sql`analyze`
}

async function announce(origin: string, token: string): Promise<void> {
  const body = { title: 'Announced', scheduled_for: new Date(Date.now() + HOUR_MS).toISOString() }
  const answer = await fetch(`${origin}/api/v1/streams`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`POST /streams: ${answer.status} ${await answer.text()}`)
}

async function countNotices(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ n: number }[]>`select count(*)::int as n from notifications`
  return row?.n ?? 0
}

/** Returns the time of writing the notices of one announcement again by one statement, in ms. */
async function insertPlainly(sql: postgres.Sql): Promise<number> {
  const [first] = await sql<{ stream_id: string }[]>`select stream_id from notifications limit 1`
  await sql`delete from notifications where stream_id = ${first?.stream_id ?? ''}`
  const startedMs = performance.now()
  await sql`
    insert into notifications (notification_id, user_id, kind, stream_id)
    select gen_random_uuid(), follower_id, 'scheduled', ${first?.stream_id ?? ''}::uuid from follows`
  return performance.now() - startedMs
}
