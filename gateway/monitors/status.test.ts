import { describe, expect, it } from 'vitest'

import { MONITOR_STATUSES, nextStatus, type StatusEvent } from './status.ts'

const EVENTS: StatusEvent[] = [
  { kind: 'start_time_near' },
  { kind: 'deleted' },
  { kind: 'end_time_passed' },
  { kind: 'worker_lost' },
  { kind: 'webhook_failed' },
  ...(['initializing', 'waiting', 'monitoring', 'completed', 'error'] as const).map(
    (mode) => ({ kind: 'reported', mode }) as const,
  ),
]

describe("a monitor's status", () => {
  it('stays once it is final, whatever happens', () => {
    for (const status of ['completed', 'stopped', 'error'] as const) {
      for (const event of EVENTS) expect(nextStatus(status, event)).toBe(status)
    }
  })

  it('moves forward only', () => {
    for (const status of MONITOR_STATUSES) {
      for (const event of EVENTS) {
        const next = nextStatus(status, event)
        expect(MONITOR_STATUSES.indexOf(next)).toBeGreaterThanOrEqual(MONITOR_STATUSES.indexOf(status))
      }
    }
  })

  it('survives the scheduled end only while the stream is being watched', () => {
    expect(nextStatus('monitoring', { kind: 'end_time_passed' })).toBe('monitoring')
    for (const status of ['scheduled', 'initializing', 'waiting'] as const) {
      expect(nextStatus(status, { kind: 'end_time_passed' })).toBe('stopped')
    }
  })
})
