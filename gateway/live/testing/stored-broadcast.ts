import { randomUUID } from 'node:crypto'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { execa } from 'execa'
import type { Sql } from 'postgres'

import { newUuid } from '../../../shared/ids.ts'
import { counterFilters } from '../../../shared/testing/frame-counter.ts'

/** Lines of the picture, which is 16:9. */
export const STORED_HEIGHT = 180

const FPS = 30
const SEGMENT_SEC = 2
const RUNG = {
  name: String(STORED_HEIGHT),
  width: 320,
  height: STORED_HEIGHT,
  frame_rate: FPS,
  codecs: 'avc1.64000c,mp4a.40.2',
  bandwidth: 300_000,
}

/**
 * Stores a broadcast of a user that has ended, with its recording: segments in a folder of media, whose frames carry their
 * numbers, and their rows. Returns its id.
 */
export async function storeBroadcast(
  sql: Sql,
  { mediaDir, ownerId, segments }: { readonly mediaDir: string; readonly ownerId: string; readonly segments: number },
): Promise<string> {
  const streamId = newUuid()
  const folder = `live/${streamId}/`
  const dir = join(mediaDir, folder, '1', RUNG.name)
  await mkdir(dir, { recursive: true })
  await encodeSegments(dir, segments)
  await sql`
    insert into streams (stream_id, user_id, title, description, category, tags, visibility, latency, is_recorded, dvr_sec,
      state, key_hash, folder, started_at, ended_at, closed_at, next_seq)
    values (${streamId}, ${ownerId}, 'A recorded show', '', '', '{}', 'public', 'low', true, 0, 'ended', ${streamId}, ${folder},
      now() - interval '1 hour', now(), now(), ${segments})`
  await sql`
    insert into archives (archive_id, stream_id, user_id, title, visibility, status, duration, frames)
    values (${newUuid()}, ${streamId}, ${ownerId}, 'A recorded show', 'public', 'ready', ${segments * SEGMENT_SEC},
      ${segments * SEGMENT_SEC * FPS})`
  await sql`
    insert into encoder_runs (stream_id, epoch, run, discontinuity, session, rungs)
    values (${streamId}, 1, 1, 0, ${randomUUID()}, ${JSON.stringify([RUNG])})`
  for (let n = 0; n < segments; n++) {
    const { size } = await stat(join(dir, `${n}.m4s`))
    await sql`
      insert into stream_segments (stream_id, seq, epoch, run, n, duration_sec, program_date_time, frames, bytes)
      values (${streamId}, ${n}, 1, 1, ${n}, ${SEGMENT_SEC}, now(), ${SEGMENT_SEC * FPS}, ${[size]})`
  }
  return streamId
}

/** Writes the segments `0.m4s`, `1.m4s` … of one run, and their initialization segment. */
async function encodeSegments(dir: string, count: number): Promise<void> {
  const video = `color=c=gray:s=${RUNG.width}x${RUNG.height}:r=${FPS},${counterFilters(RUNG.height)}`
  const list = join(dir, 'list.m3u8')
  await execa(
    'ffmpeg',
    [
      ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', video, '-f', 'lavfi', '-i', 'sine=440:r=48000'],
      ['-t', String(count * SEGMENT_SEC), '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '0'],
      ['-g', String(SEGMENT_SEC * FPS), '-sc_threshold', '0', '-c:a', 'aac', '-b:a', '64k'],
      ['-f', 'hls', '-hls_time', String(SEGMENT_SEC), '-hls_playlist_type', 'vod', '-hls_segment_type', 'fmp4'],
      ['-hls_fmp4_init_filename', 'init-1.mp4', '-hls_segment_filename', join(dir, '%d.m4s'), list],
    ].flat(),
  )
  await rm(list)
}
