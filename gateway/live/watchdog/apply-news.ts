import type { Tx } from '../../ports/database.ts'
import type { LiveContext } from '../context.ts'
import { composeBegun, composeEnded } from '../faults/compose-fault.ts'
import { closeFaults, enqueueToOwner } from '../faults/enqueue-faults.ts'
import { noticeChannels } from '../notices/deliver-notices.ts'
import { notifyOwnerOfFault } from '../notices/notify-owner.ts'
import { NOTICES_TOPIC } from '../notices/topic.ts'
import type { NoticeChannel } from '../rules/notice-kind.ts'
import { forgetMonitor, lockWatched, recordAlerts, type WatchedBroadcast } from '../store/watched-streams.ts'
import { topicOf } from '../topic.ts'
import type { MonitorNews } from './watchdog.ts'

/** Events of a monitor that are remembered: after the crash of a gateway, up to eight are repeated. */
const REMEMBERED = 16

/** What became of the news of a monitor: `begun` is a fault of which the owner may get a notice. */
type AppliedNews = 'begun' | 'changed' | 'nothing'

/**
 * Applies what a monitor says of a broadcast, once: the owner sees it in the studio, and gets a notice and a webhook. A monitor
 * that does not watch the broadcast, or not any more, changes nothing.
 */
export async function applyNews(context: LiveContext, streamId: string, news: MonitorNews): Promise<void> {
  const channels = noticeChannels(context)
  const applied = await context.transact((tx) => applyOnce(tx, streamId, news, channels))
  if (applied === 'nothing') return
  context.notifier.notify(topicOf(streamId))
  if (applied === 'begun') context.wideNotifier.notify(NOTICES_TOPIC)
  context.wake()
}

async function applyOnce(
  tx: Tx,
  streamId: string,
  news: MonitorNews,
  channels: readonly NoticeChannel[],
): Promise<AppliedNews> {
  const watched = await lockWatched(tx, { streamId, monitorId: news.monitorId })
  if (watched === null || watched.appliedEvents.includes(news.eventId)) return 'nothing'
  if (news.change === 'failed') {
    await forgetMonitor(tx, watched)
    await closeFaults(tx, watched, 'unwatched')
    return 'changed'
  }
  const since = watched.alerts[news.fault.kind]
  const appliedEvents = [...watched.appliedEvents, news.eventId].slice(-REMEMBERED)
  await recordAlerts(tx, watched, { alerts: alertsAfter(watched.alerts, news), appliedEvents })
  if (news.change === 'over') {
    if (since === undefined) return 'nothing'
    await enqueueToOwner(tx, watched.userId, [composeEnded(watched, { ...news.fault, since })])
    return 'changed'
  }
  if (since !== undefined) return 'nothing'
  await notifyOwnerOfFault(tx, watched, channels)
  await enqueueToOwner(tx, watched.userId, [composeBegun(watched, news.fault)])
  return 'begun'
}

type OpenAlerts = WatchedBroadcast['alerts']

/** Returns the alerts that are open after the news: one that was open keeps its time. */
function alertsAfter(alerts: OpenAlerts, news: Exclude<MonitorNews, { readonly change: 'failed' }>): OpenAlerts {
  if (news.change === 'unreadable') return alerts
  const { [news.fault.kind]: since, ...others } = alerts
  return news.change === 'over' ? others : { ...others, [news.fault.kind]: since ?? news.fault.since }
}
