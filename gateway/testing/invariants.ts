import type { Sql } from 'postgres'

import { ASSIGNMENT_INVARIANTS } from './assignment-invariants.ts'
import { JOB_INVARIANTS, type Invariant } from './job-invariants.ts'
import type { Delivery } from './receiver.ts'

/** What holds for every database of ours, at any time between two transactions. */
const ALWAYS: readonly Invariant[] = [
  {
    rule: 'a monitor that ended by itself has one final event, any other has none',
    broken: (sql) => sql`
      select m.id, m.status, count(e.event_id)::int as final_events from monitors m
      left join outbox_events e on e.subject = m.id and e.event_type in ('stream.ended', 'monitor.error')
      group by m.id having count(e.event_id) > 1
        or (count(e.event_id) = 0 and (m.status = 'completed' or (m.status = 'error' and m.error_reason <> 'webhook_failed')))
        or (count(e.event_id) > 0 and m.ended_at is null)`,
  },
  {
    rule: 'a status is final exactly when there is a time of its end',
    broken: (sql) => sql`
      select id, status, ended_at from monitors where (status in ('completed', 'stopped', 'error')) <> (ended_at is not null)`,
  },
  {
    rule: 'a stream has one active monitor at most',
    broken: (sql) =>
      sql`select stream_key from monitors where ended_at is null group by stream_key having count(*) > 1`,
  },
  {
    rule: 'an assignment ends with its monitor',
    broken: (sql) => sql`
      select m.id, m.status, a.ended_at from monitors m join assignments a on a.id = m.id
      where (m.ended_at is null) <> (a.ended_at is null)`,
  },
  {
    rule: 'events are numbered without a gap, and a lane knows how many wait',
    broken: (sql) => sql`
      select l.subject, l.last_seq, l.pending, count(e.*)::int as events from outbox_lanes l
      left join outbox_events e on e.subject = l.subject group by l.subject
      having count(e.*) <> l.last_seq or count(e.*) filter (where e.status = 'pending') <> l.pending
        or (l.pending > 0 and l.due_at is null)`,
  },
]

/** What holds for a database that real workers have reported to. */
const WITH_WORKERS: readonly Invariant[] = [
  ...ASSIGNMENT_INVARIANTS,
  {
    rule: 'a webhook counts as delivered exactly when there is a time of that',
    broken: (sql) => sql`
      select event_id, status, delivered_at from outbox_events where (status = 'delivered') <> (delivered_at is not null)`,
  },
  {
    rule: 'alert and recovery alternate, beginning with the alert',
    broken: (sql) => sql`
      select * from (
        select subject, seq, event_type, lag(event_type) over (
          partition by subject, replace(event_type, '_recovered', '') order by seq) as before
        from outbox_events where event_type ~ '^alert\\.(blackout|silence)') told
      where (before is null and event_type like '%_recovered') or before = event_type`,
  },
  {
    rule: 'no alert is shorter than its threshold',
    broken: (sql) => sql`
      select event_id, body from outbox_events where event_type in ('alert.blackout', 'alert.silence')
      and (body::json -> 'data' ->> 'duration_sec')::float8 < (body::json -> 'data' ->> 'threshold_sec')::float8`,
  },
  {
    rule: 'a stream starts once',
    broken: (sql) => sql`
      select subject from outbox_events where event_type = 'stream.started' group by subject having count(*) > 1`,
  },
]

/** What a receiver got was created, byte for byte, and what counts as delivered it got. */
function ofReceived(received: readonly Pick<Delivery, 'body'>[]): readonly Invariant[] {
  const bodies = [...new Set(received.map(({ body }) => body))]
  return [
    {
      rule: 'what was received was created so',
      broken: (sql) => sql`
        select body from unnest(${bodies}::text[]) body where body not in (select body from outbox_events)`,
    },
    {
      rule: 'what counts as delivered was received',
      broken: (sql) => sql`
        select event_id from outbox_events where status = 'delivered' and body <> all(${bodies}::text[])`,
    },
  ]
}

/** Throws with every rule that a database breaks, and the rows that break it. `received`: all that was delivered. */
export async function checkInvariants(
  sql: Sql,
  options: { readonly realWorkers: boolean; readonly received?: readonly Pick<Delivery, 'body'>[] },
): Promise<void> {
  const always = [...ALWAYS, ...JOB_INVARIANTS]
  const told = options.received === undefined ? [] : ofReceived(options.received)
  const rules = [...always, ...(options.realWorkers ? WITH_WORKERS : []), ...told]
  const found = await Promise.all(rules.map(async ({ rule, broken }) => ({ rule, rows: await broken(sql) })))
  const complaints = found.filter(({ rows }) => rows.length > 0)
  if (complaints.length > 0) throw new Error(`invariants are broken: ${JSON.stringify(complaints, null, 2)}`)
}
