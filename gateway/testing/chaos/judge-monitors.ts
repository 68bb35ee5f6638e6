import { isSo, type CheckedFigure } from '../checked-figure.ts'
import { listBlackStretches, type ChaosWorld } from './chaos-world.ts'

/** How far an alert's start may be from the edge, in seconds: a fault may hide the segment with the edge. */
const EDGE_SEC = 0.3

/** Judges what the monitors have counted and reported, after their broadcasts have ended. */
export async function judgeMonitors(world: ChaosWorld): Promise<readonly CheckedFigure[]> {
  const views = await Promise.all(world.monitors.map((id) => world.api('GET', `/api/v1/monitors/${id}`)))
  const statuses = views.map(({ json }) => String(json.status))
  const sums = views.map(({ json: { statistics } }) => {
    const { total_segments_analyzed: analyzed, segments_failed: failed, segments_skipped: skipped } = statistics
    return { analyzed, failed, skipped, sum: analyzed + failed + skipped }
  })
  const broadcast = world.clip.segments.length
  const total = (key: 'analyzed' | 'failed' | 'skipped') => sums.reduce((sum, one) => sum + one[key], 0)
  const { deliveries } = world.receiver
  const events = new Map(deliveries.map(({ payload }) => [payload.event_id, payload]))
  const wrong = findWrongAlerts(world)
  return [
    isSo(
      `status ${[...new Set(statuses)].join(', ')}`,
      'completed',
      statuses.every((one) => one === 'completed'),
    ),
    isSo(
      `segments ${total('analyzed')} analyzed, ${total('failed')} failed, ${total('skipped')} skipped`,
      `${broadcast} of each broadcast`,
      sums.every(({ sum }) => sum === broadcast),
    ),
    isSo(`${wrong.length} alerts at a wrong time ${wrong.join(' ')}`, '0', wrong.length === 0),
    isSo(
      `${events.size} events in ${deliveries.length} deliveries`,
      'all signed',
      deliveries.every(({ verdict }) => verdict === 'valid'),
    ),
  ]
}

/** Returns the blackout alerts that begin neither at an edge nor inside a black stretch. */
function findWrongAlerts({ receiver, simulators, monitors, clip }: ChaosWorld): readonly string[] {
  const lengthSec = clip.segments.reduce((sum, { durationSec }) => sum + durationSec, 0)
  const stretches = listBlackStretches(lengthSec)
  const alerts = receiver.deliveries.map(({ payload }) => payload).filter((one) => one.event_type === 'alert.blackout')
  return alerts.flatMap(({ monitor_id, event_id, data }) => {
    const simulator = simulators[monitors.indexOf(monitor_id)]
    if (simulator === undefined) return [event_id]
    const atSec = (Date.parse(String(data['started_at'])) - simulator.wallOf(0)) / 1000
    const isBlack = stretches.some(({ fromSec, sec }) => atSec > fromSec - EDGE_SEC && atSec < fromSec + sec)
    return isBlack ? [] : [`${event_id} at ${atSec.toFixed(2)} s`]
  })
}
