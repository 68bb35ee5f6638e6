import type { Context as HonoContext } from 'hono'

import { BrokenRule } from '../errors.ts'
import { lastEventId, streamEvents, type EventWriter } from '../http/event-stream.ts'
import type { JobsContext } from './context.ts'
import { JOB_ERRORS } from './errors.ts'
import {
  readProgressFrames,
  toProgressFrame,
  type ProgressFrame,
  type ProgressSubscribers,
} from './progress-subscribers.ts'
import { isFinal } from './status.ts'
import { readCurrentProgress, type StoredProgress } from './store/progress-events.ts'

type StreamContext = Pick<JobsContext, 'db' | 'streams' | 'log'>

/**
 * Streams a job's progress as server-sent events up to its end: the current state first, or all events since
 * `Last-Event-ID`. A client that has the last event is answered 204, which keeps an EventSource from reconnecting.
 * @throws BrokenRule JOB_NOT_FOUND
 */
export async function streamJob(
  context: StreamContext,
  subscribers: ProgressSubscribers,
  c: HonoContext,
  id: string,
): Promise<Response> {
  const current = await readCurrentProgress(context.db, id)
  if (current === null) throw new BrokenRule(JOB_ERRORS.JOB_NOT_FOUND, 'there is no job of this id')
  const last = lastEventId(c)
  // A number beyond the newest event was never sent, and is ignored.
  const after = last !== null && last <= current.seq ? last : null
  if (after === current.seq && isFinal(current.status)) return c.body(null, 204)
  return streamEvents(c, context.streams, (writer) =>
    writeProgress({ context, subscribers, jobId: id, current, after }, writer).catch((error: unknown) =>
      context.log.warn('stream of a job failed; its client reconnects and resumes', { job_id: id, error }),
    ),
  )
}

type ProgressStream = {
  readonly context: StreamContext
  readonly subscribers: ProgressSubscribers
  readonly jobId: string
  readonly current: StoredProgress
  /** The number of the last event that the client has; `null`: it has none. */
  readonly after: number | null
}

/**
 * Writes stored events, then new ones, until the job or the stream ends. New events are collected while stored ones are
 * read, so that none is lost in between.
 */
async function writeProgress(
  { context, subscribers, jobId, current, after }: ProgressStream,
  { write, signal }: EventWriter,
): Promise<void> {
  const ended = new AbortController()
  const end = () => ended.abort()
  let lastSeq = after ?? -1
  let collected: ProgressFrame[] | null = []

  function send(frames: readonly ProgressFrame[]): void {
    const unsent = frames.filter(({ seq }) => seq > lastSeq)
    const last = unsent.at(-1)
    if (last === undefined) return
    lastSeq = last.seq
    write(concatFrames(unsent))
    if (last.isLast) end()
  }

  signal.addEventListener('abort', end, { once: true })
  const unsubscribe = subscribers.subscribe(jobId, current.seq, (frames) =>
    collected === null ? send(frames) : collected.push(...frames),
  )
  try {
    if (after === null) send([toProgressFrame(current)])
    for (let hasMore = true; hasMore && !ended.signal.aborted;) {
      const stored = await readProgressFrames(context.db, jobId, lastSeq)
      send(stored.frames)
      hasMore = stored.hasMore
    }
    send(collected)
    collected = null
    await waitForAbort(ended.signal)
  } finally {
    unsubscribe()
  }
}

function concatFrames(frames: readonly ProgressFrame[]): Uint8Array {
  const [first] = frames
  if (first !== undefined && frames.length === 1) return first.bytes
  const bytes = new Uint8Array(frames.reduce((length, frame) => length + frame.bytes.length, 0))
  let offset = 0
  for (const frame of frames) {
    bytes.set(frame.bytes, offset)
    offset += frame.bytes.length
  }
  return bytes
}

async function waitForAbort(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}
