import type { Invariant } from './invariant.ts'

/** Invariants of jobs between any two transactions. */
export const JOB_INVARIANTS: readonly Invariant[] = [
  {
    rule: 'a job has an end time exactly when its status is final, and then one final event if it has a callback URL',
    findViolations: (sql) => sql`
      select j.id, j.status, j.ended_at, count(e.event_id)::int as events from jobs j
      left join outbox_events e on e.subject = j.id group by j.id
      having (j.status in ('completed', 'failed', 'canceled')) <> (j.ended_at is not null)
        or count(e.event_id) <> (case when j.ended_at is null or j.callback_url is null then 0 else 1 end)
        or count(e.event_id) filter (where e.event_type <> 'job.' || j.status) > 0`,
  },
  {
    rule: 'updates of a job are numbered without a gap, and the last one has the status of the job',
    findViolations: (sql) => sql`
      select j.id, j.last_seq, count(u.*)::int as updates, max(u.seq) as newest from jobs j
      left join job_updates u on u.job_id = j.id group by j.id
      having count(u.*) <> j.last_seq or max(u.seq) <> j.last_seq
        or bool_or(u.seq = j.last_seq and u.body ->> 'status' <> j.status)`,
  },
  {
    rule: 'progress never decreases',
    findViolations: (sql) => sql`
      select * from (
        select job_id, seq, (body ->> 'progress')::float8 as progress,
          lag((body ->> 'progress')::float8) over (partition by job_id order by seq) as before
        from job_updates) reported
      where progress < before`,
  },
  {
    rule: 'a job is queued only at its beginning and has no update after its end',
    findViolations: (sql) => sql`
      select * from (
        select job_id, seq, body ->> 'status' as status,
          lag(body ->> 'status') over (partition by job_id order by seq) as before
        from job_updates) reported
      where before in ('completed', 'failed', 'canceled') or (status = 'queued' and before <> 'queued')
        or (before = 'queued' and status not in ('queued', 'processing', 'failed', 'canceled'))`,
  },
  {
    rule: 'a completed job has an output and no other does; a failed job has an error code and no other does',
    findViolations: (sql) => sql`
      select id, status, error_code, output from jobs
      where (status = 'completed') <> (output is not null) or (status = 'failed') <> (error_code is not null)`,
  },
  {
    rule: 'a task runs exactly while it has an open assignment',
    findViolations: (sql) => sql`
      select t.id, t.task, t.status, a.ended_at from job_tasks t left join assignments a on a.id = t.id
      where (t.status = 'running') <> (a.id is not null and a.ended_at is null)`,
  },
  {
    rule: 'an ended job has only cleanup tasks left',
    findViolations: (sql) => sql`
      select j.id, t.id as task_id, t.task, t.status from jobs j join job_tasks t on t.job_id = j.id
      where j.ended_at < now() - interval '5 s' and t.status <> 'ended' and t.task <> 'sweep'`,
  },
  {
    rule: 'no two running jobs write to the same output',
    findViolations: (sql) => sql`
      select output_key from job_tasks where status = 'running' group by output_key having count(distinct job_id) > 1`,
  },
]
