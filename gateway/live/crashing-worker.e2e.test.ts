import { expect, test } from 'vitest'

import { until } from '../../shared/testing/until.ts'
import { openEventSource } from '../testing/event-source.ts'
import { checkInvariants } from '../testing/invariants/check-invariants.ts'
import type { TestDatabase } from '../testing/test-database.ts'
import { withVariables } from '../testing/workers/with-variables.ts'
import { startAdmittedEncoder, startEncoder } from './testing/encoder.ts'
import { signUp } from './testing/live-gateway.ts'
import { startLiveStage } from './testing/live-stage.ts'
import { createStagedBroadcast, findIngestUrl } from './testing/staged-broadcast.ts'

/** What a live worker runs instead of its program: it prints a line and crashes, as with a broken image. */
const CRASH = Buffer.from(`console.log('no luck'); process.exit(3)`).toString('base64')
const CRASHING = { NODE_OPTIONS: `--import=data:text/javascript;base64,${CRASH}` }

/** By how much the pauses before launches are shortened. */
const SPEED = 20

/** Lets the database note the pauses before the launches of live workers, in seconds, and shorten them. */
async function shortenPauses({ sql }: TestDatabase): Promise<{ list(): Promise<number[]> }> {
  await sql`create table launch_pauses (id serial, sec float8)`
  await sql.unsafe(`create function shorten_pause() returns trigger language plpgsql as $$ begin
    insert into launch_pauses (sec) values (extract(epoch from new.launch_at - now()));
    new.launch_at := now() + (new.launch_at - now()) / ${SPEED};
    return new; end $$`)
  await sql`create trigger shorten_pause before update of launch_at on assignments for each row
    when (new.kind = 'live' and old.launch_at is null and new.launch_at is not null) execute function shorten_pause()`
  return {
    list: async () => (await sql<{ sec: number }[]>`select sec from launch_pauses order by id`).map(({ sec }) => sec),
  }
}

test('a broadcast whose worker crashes at each start ends after the last attempt, its owner reads why, and its encoder is disconnected', async () => {
  await using stage = await startLiveStage(
    { LIVE_LADDER: '180:300' },
    {
      openLauncher: (createLauncher) =>
        withVariables(createLauncher(), ({ kind }) => (kind === 'live' ? CRASHING : {})),
    },
  )
  const { sql } = stage.database
  const pauses = await shortenPauses(stage.database)
  const owner = await signUp(stage.api, 'broadcaster')
  const { id, streamKey, read } = await createStagedBroadcast(stage, owner, 'In vain')
  using events = await openEventSource(`${stage.url}/api/v1/streams/${id}/events`, owner.headers)
  const url = `${await findIngestUrl(stage, 'ingest-0')}/${streamKey}`
  await using encoder = await startAdmittedEncoder({ url, sec: 300 })
  await until(async () => (await read()).state === 'ended', 'the broadcast has ended')
  expect(await read()).toMatchObject({ end_reason: 'it could not be encoded: Error: no luck' })
  expect((await stage.api('GET', `/api/v1/streams/${id}`, undefined, { 'x-api-key': '' })).json.end_reason).toBeNull()

  // Attempts are counted, and the pauses between them grow.
  expect(await pauses.list()).toEqual([0, 1, 2, 4, 5, 5, 5, 5, 5])
  expect(stage.workerLines.filter((line) => line === 'no luck')).toHaveLength(10)
  const losses = stage.gatewayErrors().filter((line) => line.includes('worker lost for good'))
  expect(losses.map((line) => JSON.parse(line))).toMatchObject([{ stream_id: id, exit_code: 3, reason: 'no luck' }])

  // The encoder is not left hanging, and cannot come back.
  expect((await encoder.ended).code).not.toBe(0)
  await using again = startEncoder({ url, sec: 5 })
  expect((await again.ended).output).toContain('has ended')

  await events.ended
  const states = events.events.filter(({ event }) => event === 'state').map(({ data }) => data.state)
  expect(states.filter((state) => state === 'ended')).toEqual(['ended'])
  expect(states.at(-1)).toBe('ended')
  const left = await sql`
    select s.closed_at is not null as is_closed, a.attempts, a.ended_at is not null as has_ended, r.archive_id
    from streams s join assignments a on a.id = 'live-' || s.stream_id left join archives r using (stream_id)
    where s.stream_id = ${id}`
  expect(left).toEqual([{ is_closed: true, attempts: 10, has_ended: true, archive_id: null }])
  await checkInvariants(sql, { realWorkers: true })
})
