import type { Invariant } from './invariant.ts'

/** Invariants of monitors between any two transactions. */
export const MONITOR_INVARIANTS: readonly Invariant[] = [
  {
    rule: 'a monitor that ended by itself has one final event, every other has none',
    findViolations: (sql) => sql`
      select m.id, m.status, count(e.event_id)::int as final_events from monitors m
      left join outbox_events e on e.subject = m.id and e.event_type in ('stream.ended', 'monitor.error')
      group by m.id having count(e.event_id) > 1
        or (count(e.event_id) = 0 and (m.status = 'completed' or (m.status = 'error' and m.error_reason <> 'webhook_failed')))
        or (count(e.event_id) > 0 and m.ended_at is null)`,
  },
  {
    rule: 'a monitor has an end time exactly when its status is final',
    findViolations: (sql) => sql`
      select id, status, ended_at from monitors where (status in ('completed', 'stopped', 'error')) <> (ended_at is not null)`,
  },
  {
    rule: 'a stream has at most one active monitor',
    findViolations: (sql) =>
      sql`select stream_key from monitors where ended_at is null group by stream_key having count(*) > 1`,
  },
  {
    // The streams of tests count their segments from 0. A monitor that joined later has counted fewer.
    rule: 'a monitor counts each segment of the broadcast once: as analyzed, failed or skipped',
    findViolations: (sql) => sql`
      select m.id, m.statistics, a.resume -> 'positions' -> 'both' -> 'seen' -> -1 -> 'sequence' as newest
      from monitors m join assignments a on a.id = m.id
      where (m.statistics ->> 'total_segments_analyzed')::int + (m.statistics ->> 'segments_failed')::int
          + (m.statistics ->> 'segments_skipped')::int
        > (a.resume -> 'positions' -> 'both' -> 'seen' -> -1 ->> 'sequence')::bigint + 1`,
  },
  {
    rule: 'an assignment ends with its monitor',
    findViolations: (sql) => sql`
      select m.id, m.status, a.ended_at from monitors m join assignments a on a.id = m.id
      where (m.ended_at is null) <> (a.ended_at is null)`,
  },
]
