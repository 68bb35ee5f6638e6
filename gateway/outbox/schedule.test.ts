import { describe, expect, it } from 'vitest'

import { afterFailure, type DeliveryPolicy, type FailedAnswer } from './schedule.ts'

const answer: FailedAnswer = { retryAfter: null, nowMs: Date.parse('2027-01-01T00:00:00Z'), random: 0 }

function pausesSec(policy: DeliveryPolicy, circumstances = answer): number[] {
  const pauses: number[] = []
  for (let attempts = 1; ; attempts++) {
    const next = afterFailure(policy, attempts, circumstances)
    if (next.kind === 'give_up') return pauses
    pauses.push(next.inMs / 1000)
  }
}

describe('the schedule of deliveries', () => {
  it('tries four times by the strict policy, after 1, 2 and 4 seconds, whatever the receiver asks for', () => {
    expect(pausesSec('strict')).toEqual([1, 2, 4])
    expect(pausesSec('strict', { ...answer, retryAfter: '3600', random: 1 })).toEqual([1, 2, 4])
  })

  it('tries ten times over 75 hours by the durable policy', () => {
    const pauses = pausesSec('durable')
    expect(pauses).toHaveLength(9)
    expect(Math.floor(pauses.reduce((sum, pause) => sum + pause, 0) / 3600)).toBe(75)
  })

  it('tries by the patient policy as often and as soon as by the strict one, and then for as long as by the durable one', () => {
    const pauses = pausesSec('patient')
    expect(pauses.slice(0, 3)).toEqual(pausesSec('strict'))
    expect(pauses.slice(3)).toEqual(pausesSec('durable').slice(1))
  })

  it('stretches a durable pause by at most a tenth', () => {
    expect(afterFailure('durable', 1, { ...answer, random: 1 })).toEqual({ kind: 'retry', inMs: 5500 })
  })

  it('honours Retry-After in seconds and as a date, within twice the step', () => {
    const after = (retryAfter: string) => afterFailure('durable', 2, { ...answer, retryAfter })
    expect(after('400')).toEqual({ kind: 'retry', inMs: 400_000 })
    expect(after('Fri, 01 Jan 2027 00:07:00 GMT')).toEqual({ kind: 'retry', inMs: 420_000 })
    expect(after('86400')).toEqual({ kind: 'retry', inMs: 600_000 })
    expect(after('soon')).toEqual({ kind: 'retry', inMs: 300_000 })
    expect(after('1')).toEqual({ kind: 'retry', inMs: 300_000 })
  })
})
