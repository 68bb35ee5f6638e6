import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createTestDatabase } from '../../testing/test-database.ts'
import { newJobId } from '../ids.ts'
import { jobs } from '../schema.ts'
import { insertProgressEvents, listProgressEvents, readCurrentProgress } from './progress-events.ts'

const OUTPUT = { output_url: 'http://media/x.mp4', output_type: 'single', files_uploaded: 1, bytes: 9 } as const
const MEDIA_INFO = {
  format: 'mp4',
  duration_sec: 1.5,
  size_bytes: 9,
  bit_rate_kbps: null,
  video: null,
  audio: null,
}
const COMMON = {
  inputUrl: 'http://127.0.0.1:9/a.mp4',
  presetName: '720p_h264',
  preset: {
    description: '',
    container: 'mp4',
    segment_sec: null,
    video: null,
    audio: null,
  } as unknown as typeof jobs.$inferInsert.preset,
  storage: 's3',
  path: 'a.mp4',
  outputType: 'single',
  priority: 0,
  timeoutSec: 1,
  chunks: 1,
  thumbnails: false,
  metadata: {},
  lastSeq: 1,
  updatedAt: new Date('2026-01-02T03:04:05.678Z'),
} as const
const TIMESTAMP = '2026-01-02T03:04:05.678Z'

/** A job's columns, and the event that it must have without its id: as text, since clients see the order of fields. */
const CASES = [
  {
    name: 'a job that waits',
    job: { status: 'queued', message: 'waiting\u0001 "ü" \\u00e9' },
    event: { status: 'queued', progress: 0, message: 'waiting\u0001 "ü" \\u00e9', timestamp: TIMESTAMP },
  },
  {
    name: 'a job that is encoded',
    job: { status: 'processing', message: 'encoding', progress: 47.3, fps: 29.97, speed: 1e9, etaSec: 0 },
    event: {
      status: 'processing',
      progress: 47.3,
      message: 'encoding',
      timestamp: TIMESTAMP,
      fps: 29.97,
      speed: 1e9,
      eta_sec: 0,
    },
  },
  {
    name: 'a job that is completed',
    job: { status: 'completed', message: 'completed', progress: 100, output: OUTPUT, mediaInfo: MEDIA_INFO },
    event: {
      status: 'completed',
      progress: 100,
      message: 'completed',
      timestamp: TIMESTAMP,
      ...OUTPUT,
      media_info: MEDIA_INFO,
    },
  },
  {
    name: 'a job that is completed with an unknown input',
    job: { status: 'completed', message: 'completed', progress: 100, output: OUTPUT },
    event: {
      status: 'completed',
      progress: 100,
      message: 'completed',
      timestamp: TIMESTAMP,
      ...OUTPUT,
      media_info: null,
    },
  },
  {
    name: 'a job that has failed',
    job: { status: 'failed', message: 'not a video', errorCode: 'INPUT_INVALID', errorMessage: 'not a video' },
    event: {
      status: 'failed',
      progress: 0,
      message: 'not a video',
      timestamp: TIMESTAMP,
      error: { code: 'INPUT_INVALID', message: 'not a video' },
    },
  },
  {
    name: 'a job that was canceled',
    job: { status: 'canceled', message: 'canceled', mediaInfo: MEDIA_INFO },
    event: { status: 'canceled', progress: 0, message: 'canceled', timestamp: TIMESTAMP },
  },
] as const

describe('the progress event of', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database[Symbol.asyncDispose]())

  it.each(CASES)('$name has its fields in order, stored and read from the job', async ({ job, event }) => {
    const { db } = database
    const id = newJobId()
    await db.insert(jobs).values({ ...COMMON, ...job, id })
    await db.transaction((tx) => insertProgressEvents(tx, [id]))
    const expected = JSON.stringify({ job_id: id, ...event })
    const stored = await listProgressEvents(db, id, 0, 10)
    expect(stored.map(({ seq, body }) => [seq, JSON.stringify(body)])).toEqual([[1, expected]])
    const current = await readCurrentProgress(db, id)
    expect([current?.seq, current?.status, JSON.stringify(current?.body)]).toEqual([1, job.status, expected])
  })
})
