import { expect, test, vi } from 'vitest'

import { MAX_ABANDONED } from '../../../shared/contract/live.ts'
import { createAbandonedSessions } from './abandoned-sessions.ts'

test('a session is named by reports until one is accepted that was composed when no gateway admits it any more', () => {
  let nowMs = 0
  const onChange = vi.fn<() => void>()
  const abandoned = createAbandonedSessions(() => nowMs, onChange)
  abandoned.add('a')
  nowMs = 10_000
  abandoned.add('b')
  expect(onChange).toHaveBeenCalledTimes(2)
  abandoned.acknowledge(14_999)
  expect(abandoned.list()).toEqual(['a', 'b'])
  abandoned.acknowledge(15_000)
  expect(abandoned.list()).toEqual(['b'])
  abandoned.acknowledge(25_000)
  expect(abandoned.list()).toEqual([])
})

test('while no report is accepted, the newest sessions are kept, as many as a report may name', () => {
  const abandoned = createAbandonedSessions(() => 0, vi.fn<() => void>())
  for (let n = 0; n < MAX_ABANDONED + 5; n++) abandoned.add(String(n))
  expect(abandoned.list()).toHaveLength(MAX_ABANDONED)
  expect([abandoned.list()[0], abandoned.list().at(-1)]).toEqual(['5', String(MAX_ABANDONED + 4)])
})
