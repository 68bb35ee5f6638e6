import type { Log } from '../../../shared/log.ts'
import type { TopicNotifier } from '../../ports/topic-notifier.ts'
import { alignedPauseMs } from '../../scheduler/aligned-pause.ts'
import { createWakeSignal } from '../../scheduler/wake-signal.ts'
import type { OwnedStream } from '../store/streams.ts'
import { topicOf } from '../topic.ts'

/** The broadcasts that the event streams of one gateway show. The row of each is read once for all of them. */
export type FollowedStreams = {
  /** Calls `onRead` after each read of a broadcast; returns a function that ends this. */
  follow(streamId: string, onRead: StreamFollower): () => void
}

/**
 * Takes a broadcast as of now: the same object as before where nothing has changed, and `null` where it is gone or cannot be
 * read; no further call follows that. It never throws.
 */
export type StreamFollower = (found: OwnedStream | null) => void

/** What broadcasts are read with. */
export type StreamReader = {
  readonly readStream: (streamId: string) => Promise<OwnedStream | null>
  readonly notifier: TopicNotifier
  readonly log: Log
}

type FollowedStream = { readonly followers: Set<StreamFollower>; readonly wake: () => void }

/** Interval of looking at broadcasts that another gateway may have changed, all at the same moment, in ms. */
const POLL_MS = 1000
/** Changes that come together are read together, in ms. */
const PAUSE_MS = 100

/** Creates the record of the broadcasts that one gateway follows: those that have a follower, and no others. */
export function createFollowedStreams(reader: StreamReader): FollowedStreams {
  const all = new Map<string, FollowedStream>()

  function start(streamId: string): FollowedStream {
    const { wake, createSleeper } = createWakeSignal()
    const sleep = createSleeper()
    const followers = new Set<StreamFollower>()
    const unsubscribe = reader.notifier.subscribe(topicOf(streamId), () => setTimeout(wake, PAUSE_MS))
    const followed = { followers, wake }
    all.set(streamId, followed)
    void readRepeatedly(followers, {
      sleep: () => sleep(alignedPauseMs(POLL_MS, Date.now())),
      read: createRead(reader, streamId),
      end() {
        unsubscribe()
        all.delete(streamId)
      },
    })
    return followed
  }

  return {
    follow(streamId, onRead) {
      const { followers, wake } = all.get(streamId) ?? start(streamId)
      followers.add(onRead)
      return () => {
        followers.delete(onRead)
        if (followers.size === 0) wake()
      }
    },
  }
}

type RepeatedRead = {
  readonly sleep: () => Promise<unknown>
  readonly read: () => Promise<OwnedStream | null>
  readonly end: () => void
}

/** Reads a broadcast at each change as long as it has followers, and ends before anything can follow it in vain. */
async function readRepeatedly(followers: ReadonlySet<StreamFollower>, repeated: RepeatedRead): Promise<void> {
  const { sleep, read, end } = repeated
  for (;;) {
    await sleep()
    if (followers.size === 0) return end()
    const found = await read()
    if (found === null) end()
    for (const onRead of followers) onRead(found)
    if (found === null) return
  }
}

/** Returns a function that reads a broadcast: the object of the call before where it is equal, `null` where that fails. */
function createRead({ readStream, log }: StreamReader, streamId: string): () => Promise<OwnedStream | null> {
  let known: OwnedStream | null = null
  let knownText = 'null'
  return async () => {
    try {
      const found = await readStream(streamId)
      const text = JSON.stringify(found)
      if (text !== knownText) [known, knownText] = [found, text]
      return known
    } catch (error) {
      log.warn('event streams of a broadcast failed; their clients reconnect', { stream_id: streamId, error })
      return null
    }
  }
}
