import type { Context as HonoContext } from 'hono'

import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { eventStream, lastEventId, type EventWriter } from '../http/event-stream.ts'
import { readFrames, toFrame, type Followers, type Frame } from './followers.ts'
import { isFinal } from './status.ts'
import { findJob, type Job } from './store.ts'
import { presentProgress } from './present.ts'

/**
 * A job's progress as server-sent events: first its present state, or with `Last-Event-ID` all that was told since, then
 * each update as it comes, to the last. Whoever has had the last one is answered 204, upon which an EventSource stays away.
 * @throws BrokenRule JOB_NOT_FOUND
 */
export async function streamJob(context: Context, followers: Followers, c: HonoContext, id: string): Promise<Response> {
  const job = await findJob(context.db, id)
  if (job === null) throw new BrokenRule('JOB_NOT_FOUND', 'there is no job of this id')
  const last = lastEventId(c)
  // A number that was never given is none.
  const after = last !== null && last <= job.lastSeq ? last : null
  if (after === job.lastSeq && isFinal(job.status)) return c.body(null, 204)
  return eventStream(c, context.streams, (writer) =>
    follow({ context, followers, job, after }, writer).catch((error: unknown) =>
      context.log.warn('stream of a job broke off; its reader resumes', { job_id: id, error }),
    ),
  )
}

type Following = {
  readonly context: Context
  readonly followers: Followers
  readonly job: Job
  /** The reader has what was told up to this one; `null`: nothing. */
  readonly after: number | null
}

/** Reads what was told already while what comes is collected, so that nothing falls between the two. */
async function follow({ context, followers, job, after }: Following, { write, signal }: EventWriter): Promise<void> {
  const ended = new AbortController()
  const end = () => ended.abort()
  let seen = after ?? -1
  let early: Frame[] | null = []

  function send(frames: readonly Frame[]): void {
    const fresh = frames.filter(({ seq }) => seq > seen)
    const last = fresh.at(-1)
    if (last === undefined) return
    seen = last.seq
    write(joined(fresh))
    if (last.isLast) end()
  }

  signal.addEventListener('abort', end, { once: true })
  const leave = followers.join(job.id, job.lastSeq, (frames) => (early === null ? send(frames) : early.push(...frames)))
  try {
    if (after === null) send([toFrame({ seq: job.lastSeq, body: presentProgress(job) })])
    for (let more = true; more && !ended.signal.aborted;) {
      const batch = await readFrames(context.db, job.id, seen)
      send(batch.frames)
      more = batch.more
    }
    send(early)
    early = null
    await aborted(ended.signal)
  } finally {
    leave()
  }
}

function joined(frames: readonly Frame[]): Uint8Array {
  const [first] = frames
  if (first !== undefined && frames.length === 1) return first.bytes
  const all = new Uint8Array(frames.reduce((length, { bytes }) => length + bytes.length, 0))
  let at = 0
  for (const { bytes } of frames) {
    all.set(bytes, at)
    at += bytes.length
  }
  return all
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}
