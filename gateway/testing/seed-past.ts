import type { Sql } from 'postgres'

/** Rows of the past in each table that keeps them: enough that no plan prefers to read them all. */
const PAST = 5000

/** The tables that grow with what has happened. */
export const GROWING_TABLES: readonly string[] = [
  'users',
  'streams',
  'stream_segments',
  'archives',
  'clips',
  'chat_rooms',
  'chat_entries',
  'announcements',
  'notifications',
  'notice_deliveries',
  'assignments',
  'outbox_lanes',
  'outbox_events',
  'monitors',
  'jobs',
  'job_tasks',
]

/** Writes broadcasts that have ended with all that is kept of them, and monitors and jobs that have ended. */
export async function seedPast(sql: Sql): Promise<void> {
  const past = sql`now() - interval '30 days' - make_interval(secs => n * 60)`
  const numbers = sql`generate_series(1, ${PAST}) n`
  await sql`
    insert into users (user_id, username, email, password_hash)
    select md5('user' || n)::uuid, 'user-' || n, n || '@example.org', '-' from ${numbers}`
  await sql`
    insert into streams (stream_id, user_id, title, description, category, tags, visibility, latency, is_recorded, dvr_sec,
      state, key_hash, folder, scheduled_for, started_at, ended_at, closed_at, next_seq, created_at)
    select md5('stream' || n)::uuid, md5('user' || n)::uuid, 'A show', '', '', '{}', 'public', 'low', true, 0,
      'ended', n::text, '-', ${past}, ${past}, ${past}, ${past}, 1, ${past} from ${numbers}`
  await sql`
    insert into stream_segments (stream_id, seq, epoch, run, n, duration_sec, program_date_time, frames, bytes)
    select md5('stream' || n)::uuid, 0, 1, 0, 0, 2, ${past}, 60, '{1}' from ${numbers}`
  await sql`
    insert into archives (archive_id, stream_id, user_id, title, visibility, status, created_at)
    select gen_random_uuid(), md5('stream' || n)::uuid, md5('user' || n)::uuid, 'A show', 'public', 'ready', ${past}
    from ${numbers}`
  await sql`
    insert into clips (clip_id, stream_id, maker_id, title, status, first_seq, last_seq, start_sec, duration)
    select gen_random_uuid(), md5('stream' || n)::uuid, md5('user' || n)::uuid, 'A clip', 'ready', 0, 0, 0, 2 from ${numbers}`
  await sql`
    insert into chat_rooms (stream_id, last_seq, deleted_seq) select md5('stream' || n)::uuid, 1, 1 from ${numbers}`
  await sql`
    insert into chat_entries (stream_id, seq, entry_id, kind, user_id, role, created_at)
    select md5('stream' || n)::uuid, 1, gen_random_uuid(), 'message', md5('user' || n)::uuid, 'viewer', ${past}
    from ${numbers}`
  await sql`
    insert into announcements (stream_id, kind, done_at) select md5('stream' || n)::uuid, 'live', ${past} from ${numbers}`
  await sql`
    insert into notice_deliveries (stream_id, kind, channel, done_at)
    select md5('stream' || n)::uuid, 'live', 'email', ${past} from ${numbers}`
  await sql`
    insert into notifications (notification_id, user_id, kind, stream_id, created_at)
    select gen_random_uuid(), md5('user' || n)::uuid, 'live', md5('stream' || n)::uuid, ${past} from ${numbers}`
  await sql`
    insert into assignments (id, kind, ended_at) select 'live-' || n, 'live', ${past} from ${numbers}`
  await sql`insert into outbox_lanes (subject, last_seq) select 'mon-' || n, 1 from ${numbers}`
  await sql`
    insert into outbox_events (event_id, subject, seq, event_type, url, body, policy, status)
    select 'evt-' || n, 'mon-' || n, 1, 'monitor.stopped', '-', '{}', 'strict', 'delivered' from ${numbers}`
  await sql`
    insert into monitors (id, stream_key, stream_url, callback_url, status, health, statistics, config, metadata, ended_at)
    select 'mon-' || n, n::text, '-', '-', 'stopped', '{}', '{}', '{}', '{}', ${past} from ${numbers}`
  await sql`
    insert into jobs (id, status, input_url, preset_name, preset, storage, path, output_type, priority, timeout_sec, chunks,
      thumbnails, metadata, message, ended_at)
    select 'job-' || n, 'completed', '-', '-', '{}', 'local', '-', 'mp4', 0, 60, '1', false, '{}', '', ${past} from ${numbers}`
  await sql`
    insert into job_tasks (id, job_id, task, status, priority, output_key, due_at)
    select 'job-' || n, 'job-' || n, 'encode', 'ended', 0, n::text, ${past} from ${numbers}`
  await sql`vacuum analyze`
}
