import { randomUUID } from 'node:crypto'

import { expect, test } from 'vitest'

import { DELETE_BATCH_ROWS } from '../../database/delete-in-batches.ts'
import { startTestGateway } from '../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'

test('of a deleted user no stored answers and no waiting mails stay; those of others do', async () => {
  await using gateway = await startTestGateway()
  const { sql } = gateway.database
  await signUp(gateway.api, 'root-of-all')
  const users = [await signUp(gateway.api, 'olga'), await signUp(gateway.api, 'mika')]
  for (const { user, headers } of users) {
    const key = { ...headers, 'idempotency-key': 'one' }
    expect((await gateway.api('POST', '/api/v1/streams', { title: 'Secret plans' }, key)).status).toBe(201)
    for (const params of [{ email: user.email.toUpperCase() }, { user_id: user.user_id, email: 'new@example.org' }]) {
      await sql`
        insert into mails (mail_id, kind, params, due_at, expires_at)
        values (${randomUUID()}, 'test', ${JSON.stringify(params)}::jsonb, now() + interval '1 hour', now() + interval '2 hours')`
    }
  }
  const readKept = async () => {
    const keys = await sql<{ scope: string }[]>`select scope from idempotency_keys`
    const [mails] = await sql<{ count: number }[]>`select count(*)::int as count from mails`
    return { clients: new Set(keys.map(({ scope }) => scope.split(' ').at(-1))), mails: mails?.count }
  }
  const idOf = (one: TestUser | undefined): string => one?.user.user_id
  const [olga, mika] = users
  expect(await readKept()).toEqual({ clients: new Set([idOf(olga), idOf(mika)]), mails: 4 })
  const deleted = await gateway.api('DELETE', '/api/v1/users/me', { password: 'correct horse battery' }, olga?.headers)
  expect(deleted.status).toBe(204)
  expect(await readKept()).toEqual({ clients: new Set([idOf(mika)]), mails: 2 })
})

test('an account with any number of segments is deleted in statements of bounded size', async () => {
  await using gateway = await startTestGateway()
  const { sql } = gateway.database
  await signUp(gateway.api, 'root-of-all')
  const { headers } = await signUp(gateway.api, 'olga')
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'Every day' }, headers)
  const total = 2 * DELETE_BATCH_ROWS + 1
  await sql`
    insert into stream_segments (stream_id, seq, epoch, run, n, duration_sec, program_date_time, frames, bytes)
    select ${json.stream_id}, seq, 1, 0, seq, 2, now(), 60, '{1}' from generate_series(1, ${total}) as seq`
  await sql`create table deletions (count int)`
  await sql.unsafe(`
    create function record_deletion() returns trigger language plpgsql as
      $$ begin insert into deletions select count(*) from gone; return null; end $$;
    create trigger record_deletion after delete on stream_segments
      referencing old table as gone for each statement execute function record_deletion()`)
  const deleted = await gateway.api('DELETE', '/api/v1/users/me', { password: 'correct horse battery' }, headers)
  expect(deleted.status).toBe(204)
  const counts = await sql<{ count: number }[]>`select count from deletions where count > 0 order by count desc`
  expect(counts.map(({ count }) => count)).toEqual([DELETE_BATCH_ROWS, DELETE_BATCH_ROWS, 1])
})
