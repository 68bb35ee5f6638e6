import type { Invariant } from './invariant.ts'

/** Invariants of the outbox between any two transactions. */
export const OUTBOX_INVARIANTS: readonly Invariant[] = [
  {
    rule: 'events are numbered without a gap, and a lane counts its pending ones',
    findViolations: (sql) => sql`
      select l.subject, l.last_seq, l.pending, count(e.*)::int as events from outbox_lanes l
      left join outbox_events e on e.subject = l.subject group by l.subject
      having count(e.*) <> l.last_seq or count(e.*) filter (where e.status = 'pending') <> l.pending
        or (l.pending > 0 and l.due_at is null)`,
  },
]

/** Invariants of events that real workers have reported. */
export const REAL_EVENT_INVARIANTS: readonly Invariant[] = [
  {
    rule: 'an event has a delivery time exactly when it is delivered',
    findViolations: (sql) => sql`
      select event_id, status, delivered_at from outbox_events where (status = 'delivered') <> (delivered_at is not null)`,
  },
  {
    rule: 'alert and recovery alternate, beginning with the alert',
    findViolations: (sql) => sql`
      select * from (
        select subject, seq, event_type, lag(event_type) over (
          partition by subject, replace(event_type, '_recovered', '') order by seq) as before
        from outbox_events where event_type ~ '^alert\\.(blackout|silence)') reported
      where (before is null and event_type like '%_recovered') or before = event_type`,
  },
  {
    rule: 'no alert is shorter than its threshold',
    findViolations: (sql) => sql`
      select event_id, body from outbox_events where event_type in ('alert.blackout', 'alert.silence')
      and (body::json -> 'data' ->> 'duration_sec')::float8 < (body::json -> 'data' ->> 'threshold_sec')::float8`,
  },
  {
    rule: 'a stream starts once',
    findViolations: (sql) => sql`
      select subject from outbox_events where event_type = 'stream.started' group by subject having count(*) > 1`,
  },
]
