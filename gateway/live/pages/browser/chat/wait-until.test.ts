import { expect, test, vi } from 'vitest'

import { waitUntil } from './wait-until.ts'

test('a moment is waited for once', () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) })
  const onTime = vi.fn<() => void>()
  waitUntil('2026-01-01T00:10:00.000Z', onTime)
  vi.advanceTimersByTime(599_000)
  expect(onTime).not.toHaveBeenCalled()
  vi.advanceTimersByTime(60_000)
  expect(onTime).toHaveBeenCalledOnce()
  vi.useRealTimers()
})
