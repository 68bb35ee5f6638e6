import { MONITOR_ID_PREFIX } from '../../shared/contract/monitors.ts'
import { newId } from '../../shared/ids.ts'

/** Returns a new monitor id: `mon-` and a UUIDv7. */
export function newMonitorId(): string {
  return newId(MONITOR_ID_PREFIX)
}
