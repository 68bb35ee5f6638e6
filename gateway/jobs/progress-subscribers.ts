import { encodeFrame } from '../http/event-stream.ts'
import { createWakeSignal } from '../scheduler/wake-signal.ts'
import type { JobsContext } from './context.ts'
import { isFinal, JOB_STATUSES } from './status.ts'
import { listProgressEvents, type StoredProgress } from './store/progress-events.ts'

/** A progress event as subscribers receive it, encoded once for all of them. */
export type ProgressFrame = { readonly seq: number; readonly bytes: Uint8Array; readonly isLast: boolean }

type ReceiveFrames = (frames: readonly ProgressFrame[]) => void

/** The subscribers to jobs in this process. All subscribers to a job share one reader of the database. */
export type ProgressSubscribers = {
  /**
   * Calls `receive` with the progress events of a job after number `from`, in order; returns a function that ends that.
   */
  subscribe(jobId: string, from: number, receive: ReceiveFrames): () => void
}

/** How long until an event is read that another gateway has published, in ms. */
const POLL_MS = 1000
const BATCH_SIZE = 200

/** Creates the subscribers of one process; there are none yet. */
export function createProgressSubscribers(context: Pick<JobsContext, 'db' | 'notifier' | 'log'>): ProgressSubscribers {
  const readers = new Map<string, JobReader>()
  return {
    subscribe(jobId, from, receive) {
      const reader = readers.get(jobId) ?? startJobReader(context, jobId, from)
      readers.set(jobId, reader)
      reader.subscribers.add(receive)
      return () => {
        reader.subscribers.delete(receive)
        if (reader.subscribers.size > 0) return
        reader.close()
        if (readers.get(jobId) === reader) readers.delete(jobId)
      }
    },
  }
}

type JobReader = { readonly subscribers: Set<ReceiveFrames>; close(): void }

/** Starts to read the progress events of a job: when it is notified, and every second. */
function startJobReader(
  { db, notifier, log }: Pick<JobsContext, 'db' | 'notifier' | 'log'>,
  jobId: string,
  from: number,
): JobReader {
  const subscribers: JobReader['subscribers'] = new Set()
  const signal = createWakeSignal()
  const sleep = signal.createSleeper()
  const unsubscribe = notifier.subscribe(jobId, () => signal.wake())
  const closing = new AbortController()

  async function read(): Promise<void> {
    let lastSeq = from
    let isFailing = false
    while (!closing.signal.aborted) {
      await sleep(POLL_MS)
      if (closing.signal.aborted) return
      try {
        const { frames, hasMore } = await readProgressFrames(db, jobId, lastSeq)
        lastSeq = frames.at(-1)?.seq ?? lastSeq
        isFailing = false
        for (const receive of subscribers) receive(frames)
        if (hasMore) signal.wake()
      } catch (error) {
        if (!isFailing) log.warn('progress of a job could not be read; its subscribers wait', { job_id: jobId, error })
        isFailing = true
      }
    }
  }

  void read()
  return {
    subscribers,
    close() {
      closing.abort()
      unsubscribe()
      signal.wake()
    },
  }
}

/** Returns the next progress events after a number, and whether there may be more. */
export async function readProgressFrames(db: JobsContext['db'], jobId: string, after: number) {
  const rows = await listProgressEvents(db, jobId, after, BATCH_SIZE)
  return { frames: rows.map(toProgressFrame), hasMore: rows.length === BATCH_SIZE }
}

/** Returns a progress event as the frame of a stream. */
export function toProgressFrame({ seq, body }: StoredProgress): ProgressFrame {
  const bytes = encodeFrame({ id: seq, event: 'progress', data: JSON.stringify(body) })
  return { seq, bytes, isLast: FINAL_STATUSES.has(body['status']) }
}

const FINAL_STATUSES: ReadonlySet<unknown> = new Set(JOB_STATUSES.filter(isFinal))
