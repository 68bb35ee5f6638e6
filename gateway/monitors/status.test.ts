import { describe, expect, it } from 'vitest'

import { MONITOR_STATUS_EVENTS, MONITOR_STATUSES, nextStatus, transitionOf } from './status.ts'

describe("a monitor's status", () => {
  it('stays once it is final, whatever happens', () => {
    for (const status of ['completed', 'stopped', 'error'] as const) {
      for (const event of MONITOR_STATUS_EVENTS) expect(nextStatus(status, event)).toBe(status)
    }
  })

  it('moves forward only', () => {
    for (const status of MONITOR_STATUSES) {
      for (const event of MONITOR_STATUS_EVENTS) {
        const next = nextStatus(status, event)
        expect(MONITOR_STATUSES.indexOf(next)).toBeGreaterThanOrEqual(MONITOR_STATUSES.indexOf(status))
      }
    }
  })

  it('is changed by each event to one status only', () => {
    for (const event of MONITOR_STATUS_EVENTS) {
      const { from, to } = transitionOf(event)
      expect(new Set(from.map((status) => nextStatus(status, event)))).toEqual(new Set(to === null ? [] : [to]))
    }
  })

  it('survives the scheduled end only while the stream is being watched', () => {
    expect(nextStatus('monitoring', { kind: 'end_time_passed' })).toBe('monitoring')
    for (const status of ['scheduled', 'initializing', 'waiting'] as const) {
      expect(nextStatus(status, { kind: 'end_time_passed' })).toBe('stopped')
    }
  })
})
