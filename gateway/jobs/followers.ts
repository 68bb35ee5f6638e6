import type { Context } from '../context.ts'
import { frameOf } from '../http/event-stream.ts'
import { createBell } from '../loop.ts'
import { isFinal, JOB_STATUSES } from './status.ts'
import { listUpdates, type JobUpdate } from './store.ts'

/** One update of a job as its readers get it, made once for all of them. */
export type Frame = { readonly seq: number; readonly bytes: Uint8Array; readonly isLast: boolean }

/** Those who follow jobs in this process: however many they are, one of them reads. */
export type Followers = {
  /** Hands `take` each update after the number `from`, in order, from now on; gives what ends that. */
  join(jobId: string, from: number, take: (frames: readonly Frame[]) => void): () => void
}

/** Whatever rings, or does not: an update of another gateway's is seen after this, in ms. */
const POLL_MS = 1000
const BATCH = 200

export function createFollowers(context: Pick<Context, 'db' | 'feed' | 'log'>): Followers {
  const topics = new Map<string, Topic>()
  return {
    join(jobId, from, take) {
      const topic = topics.get(jobId) ?? openTopic(context, jobId, from)
      topics.set(jobId, topic)
      topic.readers.add(take)
      return () => {
        topic.readers.delete(take)
        if (topic.readers.size > 0) return
        topic.close()
        if (topics.get(jobId) === topic) topics.delete(jobId)
      }
    },
  }
}

type Topic = { readonly readers: Set<(frames: readonly Frame[]) => void>; close(): void }

function openTopic({ db, feed, log }: Pick<Context, 'db' | 'feed' | 'log'>, jobId: string, from: number): Topic {
  const readers: Topic['readers'] = new Set()
  const bell = createBell()
  const sleep = bell.sleeper()
  const unlisten = feed.listen(jobId, bell.ring)
  const closing = new AbortController()

  async function follow(): Promise<void> {
    let seen = from
    let failing = false
    while (!closing.signal.aborted) {
      await sleep(POLL_MS)
      if (closing.signal.aborted) return
      try {
        const { frames, more } = await readFrames(db, jobId, seen)
        seen = frames.at(-1)?.seq ?? seen
        failing = false
        for (const take of readers) take(frames)
        if (more) bell.ring()
      } catch (error) {
        if (!failing) log.warn('updates of a job cannot be read; its followers wait', { job_id: jobId, error })
        failing = true
      }
    }
  }

  void follow()
  return {
    readers,
    close() {
      closing.abort()
      unlisten()
      bell.ring()
    },
  }
}

/** Updates after a number: the next ones, and whether there may be more. */
export async function readFrames(db: Context['db'], jobId: string, after: number) {
  const rows = await listUpdates(db, jobId, after, BATCH)
  return { frames: rows.map(toFrame), more: rows.length === BATCH }
}

/** An update, as it was told. */
export function toFrame({ seq, body }: Pick<JobUpdate, 'seq' | 'body'>): Frame {
  const bytes = frameOf({ id: seq, event: 'progress', data: JSON.stringify(body) })
  return { seq, bytes, isLast: FINAL.has(body['status']) }
}

const FINAL: ReadonlySet<unknown> = new Set(JOB_STATUSES.filter(isFinal))
