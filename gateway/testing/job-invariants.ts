import type { Sql } from 'postgres'

/** One rule that holds whatever was killed, as a query for what breaks it. */
export type Invariant = { readonly rule: string; readonly broken: (sql: Sql) => Promise<readonly object[]> }

/** What holds of jobs, whatever was killed, at any time between two transactions. */
export const JOB_INVARIANTS: readonly Invariant[] = [
  {
    rule: 'a job has an end exactly when its status is final, and then one final event where somebody is to be told',
    broken: (sql) => sql`
      select j.id, j.status, j.ended_at, count(e.event_id)::int as events from jobs j
      left join outbox_events e on e.subject = j.id group by j.id
      having (j.status in ('completed', 'failed', 'canceled')) <> (j.ended_at is not null)
        or count(e.event_id) <> (case when j.ended_at is null or j.callback_url is null then 0 else 1 end)
        or count(e.event_id) filter (where e.event_type <> 'job.' || j.status) > 0`,
  },
  {
    rule: 'what is told of a job is numbered without a gap, and its last word is what the job is',
    broken: (sql) => sql`
      select j.id, j.last_seq, count(u.*)::int as updates, max(u.seq) as newest from jobs j
      left join job_updates u on u.job_id = j.id group by j.id
      having count(u.*) <> j.last_seq or max(u.seq) <> j.last_seq
        or bool_or(u.seq = j.last_seq and u.body ->> 'status' <> j.status)`,
  },
  {
    rule: 'progress never goes back',
    broken: (sql) => sql`
      select * from (
        select job_id, seq, (body ->> 'progress')::float8 as progress,
          lag((body ->> 'progress')::float8) over (partition by job_id order by seq) as before
        from job_updates) told
      where progress < before`,
  },
  {
    rule: 'a job goes its way: queued once, at its beginning, and nothing after its end',
    broken: (sql) => sql`
      select * from (
        select job_id, seq, body ->> 'status' as status,
          lag(body ->> 'status') over (partition by job_id order by seq) as before
        from job_updates) told
      where before in ('completed', 'failed', 'canceled') or (status = 'queued' and before <> 'queued')
        or (before = 'queued' and status not in ('queued', 'processing', 'failed', 'canceled'))`,
  },
  {
    rule: 'a completed job has an output, a failed one a reason, and none both',
    broken: (sql) => sql`
      select id, status, error_code, output from jobs
      where (status = 'completed') <> (output is not null) or (status = 'failed') <> (error_code is not null)`,
  },
  {
    rule: 'a task runs exactly while it has an assignment that has not ended',
    broken: (sql) => sql`
      select t.id, t.task, t.status, a.ended_at from job_tasks t left join assignments a on a.id = t.id
      where (t.status = 'running') <> (a.id is not null and a.ended_at is null)`,
  },
  {
    rule: 'of a job that has ended nothing is left to do but to clean up',
    broken: (sql) => sql`
      select j.id, t.id as task_id, t.task, t.status from jobs j join job_tasks t on t.job_id = j.id
      where j.ended_at < now() - interval '5 s' and t.status <> 'ended' and t.task <> 'sweep'`,
  },
  {
    rule: 'no two jobs write to the same place at a time',
    broken: (sql) => sql`
      select output_key from job_tasks where status = 'running' group by output_key having count(distinct job_id) > 1`,
  },
]
