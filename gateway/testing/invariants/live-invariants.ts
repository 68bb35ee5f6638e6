import type { Invariant } from './invariant.ts'

/** Invariants of broadcasts, their recordings, clips and chats between any two transactions. */
export const LIVE_INVARIANTS: readonly Invariant[] = [
  {
    rule: 'a broadcast has the times of its state, and is closed once it has ended only',
    findViolations: (sql) => sql`
      select stream_id, state, started_at, reconnecting_since, ended_at, closed_at from streams
      where (state = 'ended') <> (ended_at is not null)
        or (state in ('live', 'reconnecting') and started_at is null)
        or (state in ('scheduled', 'ready') and started_at is not null)
        or (state = 'reconnecting' and reconnecting_since is null)
        or (closed_at is not null and state <> 'ended')`,
  },
  {
    rule: 'a broadcast that has ended takes no encoder, and one that is closed has no worker',
    findViolations: (sql) => sql`
      select s.stream_id, s.state, s.publisher_session, a.id, a.ended_at from streams s
      left join assignments a on a.id = 'live-' || s.stream_id and a.ended_at is null
      where s.state = 'ended' and (s.publisher_session is not null or (s.closed_at is not null and a.id is not null))`,
  },
  {
    rule: 'the segments of a broadcast are numbered without a gap, and the next one follows them',
    findViolations: (sql) => sql`
      select s.stream_id, s.next_seq, count(*)::int as segments, min(g.seq) as first, max(g.seq) as last
      from streams s join stream_segments g using (stream_id) group by s.stream_id
      having count(*) <> max(g.seq) - min(g.seq) + 1 or max(g.seq) + 1 <> s.next_seq`,
  },
  {
    rule: 'a segment belongs to a run of an encoder',
    findViolations: (sql) => sql`
      select g.stream_id, g.seq, g.epoch, g.run from stream_segments g
      left join encoder_runs r using (stream_id, epoch, run) where r.stream_id is null`,
  },
  {
    rule: 'a recorded broadcast has its recording exactly from its closing on, where it has segments',
    findViolations: (sql) => sql`
      select s.stream_id, s.is_recorded, s.closed_at, a.archive_id from streams s left join archives a using (stream_id)
      where (s.closed_at is null and a.archive_id is not null)
        or (s.closed_at is not null and s.is_recorded and s.discarded_at is null and a.archive_id is null
          and exists (select from stream_segments g where g.stream_id = s.stream_id))`,
  },
  {
    rule: 'a recording is being made exactly while it has a worker; one that has failed says why',
    findViolations: (sql) => sql`
      select r.archive_id, r.status, r.error, a.id, a.ended_at from archives r
      left join assignments a on a.id = 'archive-' || r.archive_id
      where (r.status = 'processing') <> (a.id is not null and a.ended_at is null)
        or (r.status = 'failed') <> (r.error is not null)`,
  },
  {
    rule: 'a clip has a worker only while it is being made; one that has failed says why',
    findViolations: (sql) => sql`
      select c.clip_id, c.status, c.error, a.id from clips c
      left join assignments a on a.id = 'clip-' || c.clip_id and a.ended_at is null
      where (c.status <> 'processing' and a.id is not null) or (c.status = 'failed') <> (c.error is not null)`,
  },
  {
    rule: 'a chat has no entry after its last one, nor one up to those that are deleted',
    findViolations: (sql) => sql`
      select r.stream_id, r.last_seq, r.deleted_seq, max(e.seq) as last, min(e.seq) as first from chat_rooms r
      join chat_entries e using (stream_id) group by r.stream_id
      having max(e.seq) > r.last_seq or min(e.seq) <= r.deleted_seq`,
  },
  {
    rule: 'the movements of a tip add up to zero',
    findViolations: (sql) => sql`
      select movement_id, sum(amount) as sum, count(*)::int as entries from ledger_entries group by movement_id
      having sum(amount) <> 0 or count(*) <> 2`,
  },
]
