import { createWakeSignal } from '../../scheduler/wake-signal.ts'
import type { LiveContext } from '../context.ts'
import { readNewestIds } from '../store/notices.ts'
import { NOTICES_TOPIC } from './topic.ts'

/** Looks for new notices of those who are connected to one gateway. */
export type NoticeWatch = {
  /** Follows the notices of a user; returns a function that ends this. */
  watch(userId: string, watcher: NoticeWatcher): () => void
}

/** Learns what a connection needs to know; neither function throws. */
export type NoticeWatcher = {
  /** There is something new, or may be. */
  readonly onNews: () => void
  /** The notices cannot be read. */
  readonly onEnd: () => void
}

type WatchedNotices = { readonly userId: string; readonly watcher: NoticeWatcher; newest: string | null }

/** Interval of looking, in ms. */
const POLL_MS = 1000
/** Notices that come together are read together, in ms. */
const PAUSE_MS = 200

/** Creates the watch of one gateway. It reads as long as someone is connected, once for all of them. */
export function createNoticeWatch({ db, log, wideNotifier }: LiveContext): NoticeWatch {
  const all = new Set<WatchedNotices>()
  let isRunning = false
  const { wake, createSleeper } = createWakeSignal()
  const sleep = createSleeper()

  async function look(): Promise<void> {
    const watched = [...all]
    const newest = await readNewestIds(db, [...new Set(watched.map(({ userId }) => userId))])
    for (const one of watched) {
      const ids = newest.get(one.userId) ?? ''
      if (one.newest !== ids) one.watcher.onNews()
      one.newest = ids
    }
  }

  async function run(): Promise<void> {
    const unsubscribe = wideNotifier.subscribe(NOTICES_TOPIC, () => setTimeout(wake, PAUSE_MS))
    try {
      while (all.size > 0) {
        await look()
        if (all.size > 0) await sleep(POLL_MS)
      }
    } catch (error) {
      log.warn('notices cannot be read; their streams reconnect', { error })
      for (const { watcher } of all) watcher.onEnd()
      all.clear()
    }
    unsubscribe()
    isRunning = false
  }

  return {
    watch(userId, watcher) {
      const watched: WatchedNotices = { userId, watcher, newest: null }
      all.add(watched)
      if (!isRunning) {
        isRunning = true
        void run()
      }
      return () => {
        all.delete(watched)
        if (all.size === 0) wake()
      }
    },
  }
}
