import { randomUUID } from 'node:crypto'

import type { Sql } from 'postgres'

import type { PushService } from '../../testing/push-service.ts'

/** Two channels. The first has `followers`; `browsers` of these have a browser that takes pushes, and follow the second too. */
export type SeededFollowers = {
  readonly channels: readonly [string, string]
  readonly followers: number
  readonly browsers: number
}

/** Adds the followers of channels as rows: each password would take its time. `serverKey` is the key of pushes. */
export async function seedFollowers(
  sql: Sql,
  { push, serverKey }: { readonly push: PushService; readonly serverKey: string },
  { channels, followers, browsers }: SeededFollowers,
): Promise<void> {
  await sql`
    with people as (
      insert into users (user_id, username, email, password_hash)
      select gen_random_uuid(), 'follower-' || n, 'follower-' || n || '@example.org', '-'
      from generate_series(1, ${followers}) n returning user_id)
    insert into follows (follow_id, follower_id, following_id)
    select gen_random_uuid(), user_id, ${channels[0]} from people`
  const people = await sql<{ user_id: string }[]>`
    insert into follows (follow_id, follower_id, following_id)
    select gen_random_uuid(), follower_id, ${channels[1]} from follows where following_id = ${channels[0]} limit ${browsers}
    returning follower_id as user_id`
  const rows = people.map(({ user_id }) => {
    const { endpoint, keys } = push.subscribe(serverKey)
    const ids = { subscription_id: randomUUID(), session_id: randomUUID(), user_id, endpoint_hash: endpoint }
    return { ...ids, ...keys, endpoint, server_key: serverKey, user_agent: '-', language: 'en' }
  })
  await sql`insert into push_subscriptions ${sql(rows)}`
}
