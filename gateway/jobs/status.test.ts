import { expect, it } from 'vitest'

import { isFinal, JOB_STATUS_EVENTS, JOB_STATUSES, nextStatus, transitionOf } from './status.ts'

it('a final status has no successor', () => {
  for (const status of JOB_STATUSES.filter(isFinal))
    expect(JOB_STATUS_EVENTS.map((event) => nextStatus(status, event))).toEqual(JOB_STATUS_EVENTS.map(() => null))
})

it('a job starts once', () => {
  expect(JOB_STATUSES.filter((status) => nextStatus(status, 'started') !== null)).toEqual(['queued'])
})

it('an attempt that fails while it uploads takes its job back to processing', () => {
  expect(nextStatus('uploading', 'attempt_failed')).toBe('processing')
})

it('only a job that has started is completed; a queued one can be canceled', () => {
  expect(nextStatus('queued', 'completed')).toBeNull()
  expect(nextStatus('queued', 'canceled')).toBe('canceled')
})

it('the transition of an event names exactly the statuses in which it may happen', () => {
  for (const event of JOB_STATUS_EVENTS) {
    const { from, to } = transitionOf(event)
    for (const status of JOB_STATUSES) expect(nextStatus(status, event)).toBe(from.includes(status) ? to : null)
  }
})
