import { describe, expect, it } from 'vitest'

import { afterFailure, type DeliveryPolicy, type FailedAttemptFacts } from './retry-schedule.ts'

const FACTS: FailedAttemptFacts = { retryAfter: null, nowMs: Date.parse('2027-01-01T00:00:00Z'), random: 0 }

function pausesSec(policy: DeliveryPolicy, facts = FACTS): number[] {
  const pauses: number[] = []
  for (let attempts = 1; ; attempts++) {
    const next = afterFailure(policy, attempts, facts)
    if (next.kind === 'give_up') return pauses
    pauses.push(next.inMs / 1000)
  }
}

describe('the retry schedule', () => {
  it('attempts four times by the strict policy, after 1, 2 and 4 seconds, and ignores Retry-After', () => {
    expect(pausesSec('strict')).toEqual([1, 2, 4])
    expect(pausesSec('strict', { ...FACTS, retryAfter: '3600', random: 1 })).toEqual([1, 2, 4])
  })

  it('attempts ten times over 75 hours by the durable policy', () => {
    const pauses = pausesSec('durable')
    expect(pauses).toHaveLength(9)
    expect(Math.floor(pauses.reduce((sum, pause) => sum + pause, 0) / 3600)).toBe(75)
  })

  it('follows the strict policy first and then the durable one by the patient policy', () => {
    const pauses = pausesSec('patient')
    expect(pauses.slice(0, 3)).toEqual(pausesSec('strict'))
    expect(pauses.slice(3)).toEqual(pausesSec('durable').slice(1))
  })

  it('adds at most a tenth of jitter to a durable pause', () => {
    expect(afterFailure('durable', 1, { ...FACTS, random: 1 })).toEqual({ kind: 'retry', inMs: 5500 })
  })

  it('honours Retry-After in seconds and as a date, up to twice the regular pause', () => {
    const after = (retryAfter: string) => afterFailure('durable', 2, { ...FACTS, retryAfter })
    expect(after('400')).toEqual({ kind: 'retry', inMs: 400_000 })
    expect(after('Fri, 01 Jan 2027 00:07:00 GMT')).toEqual({ kind: 'retry', inMs: 420_000 })
    expect(after('86400')).toEqual({ kind: 'retry', inMs: 600_000 })
    expect(after('soon')).toEqual({ kind: 'retry', inMs: 300_000 })
    expect(after('1')).toEqual({ kind: 'retry', inMs: 300_000 })
  })
})
