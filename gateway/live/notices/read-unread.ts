import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import type { NoticeWatch } from './notice-watch.ts'
import { countUnreadNotices } from './read-notices.ts'
import { readTopicOf } from './topic.ts'

/** Counts the unread notices of a user, now and whenever their number may have changed; returns a function that ends this. */
export type ReadUnread = (
  viewer: SignedIn,
  listener: {
    readonly onCount: (unread: number) => void
    /** Called where they cannot be counted at the moment. */
    readonly onLost: () => void
  },
) => () => void

/** Returns a function that counts the unread notices of users for the events of broadcasts. */
export function createUnreadReading(context: LiveContext, watch: NoticeWatch): ReadUnread {
  return (viewer, { onCount, onLost }) => {
    let [isReading, isStale] = [false, false]
    const ended = new AbortController()

    /** Counts again. One call at a time reads; what comes meanwhile is read afterwards. */
    async function count(): Promise<void> {
      isStale = true
      if (isReading) return
      isReading = true
      try {
        while (isStale && !ended.signal.aborted) {
          isStale = false
          onCount(await countUnreadNotices(context, viewer))
        }
      } catch (error) {
        context.log.debug('notices of a user could not be counted', { error })
        onLost()
      }
      isReading = false
    }

    const onNews = () => void count()
    const { userId } = viewer.user
    const forget = watch.watch(userId, { onNews, onEnd: onLost })
    const unsubscribe = context.wideNotifier.subscribe(readTopicOf(userId), onNews)
    return () => {
      ended.abort()
      forget()
      unsubscribe()
    }
  }
}
