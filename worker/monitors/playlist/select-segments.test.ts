import { expect, test } from 'vitest'

import { CONFIG } from '../../testing/monitor-scenario.ts'
import type { StreamSegment } from '../stream.ts'
import { selectSegments } from './select-segments.ts'

function segments(durations: readonly number[]): readonly StreamSegment[] {
  return durations.map((durationSec, sequence) => ({
    sequence,
    url: `http://127.0.0.1/${sequence}.ts`,
    durationSec,
    programDateTimeMs: null,
    discontinuity: false,
    byteRange: null,
    map: null,
    encryption: null,
  }))
}

test('with coverage latest, the newest segment is selected', () => {
  const latest = { ...CONFIG, coverage: 'latest' as const }
  const fresh = segments([2, 2, 2, 2])
  expect(selectSegments(fresh, latest, false)).toEqual({ segments: fresh.slice(3), omittedCount: 3 })
})

test('every segment is selected, unless analysis cannot keep up or is minutes behind', () => {
  const fresh = segments([2, 2, 2, 2, 2])
  expect(selectSegments(fresh, CONFIG, false)).toEqual({ segments: fresh, omittedCount: 0 })
  expect(selectSegments(fresh, CONFIG, true)).toEqual({ segments: fresh.slice(2), omittedCount: 2 })
  const long = segments(Array.from({ length: 31 }, () => 10))
  expect(selectSegments(long, CONFIG, false)).toMatchObject({ omittedCount: 28 })
})
