import * as v from 'valibot'
import { expect, test } from 'vitest'

import { INITIAL_STATISTICS, MonitorReport } from './monitors.ts'

const REPORT: MonitorReport = {
  epoch: 1,
  seq: 1,
  mode: 'monitoring',
  stream_status: 'live',
  title: 'A title \\u0000 in words',
  health: { video: 'ok', audio: 'ok', last_check_at: null },
  statistics: INITIAL_STATISTICS,
  events: [],
  resume: {},
}

test.each([
  ['title', { title: 'a\u0000' }],
  [
    'events.0.data',
    { events: [{ event_type: 'stream.ended', timestamp: '2026-03-01T12:00:00.000Z', data: { a: [{ b: '\u0000' }] } }] },
  ],
  ['resume', { resume: { a: { '\u0000': 1 } } }],
])('a report that contains a NUL, which Postgres does not store, is refused: %s', (path, wrong) => {
  const parsed = v.safeParse(MonitorReport, { ...REPORT, ...wrong })

  expect(parsed.issues?.map((issue) => v.getDotPath(issue))).toEqual([path])
})

test('a report without a NUL is accepted, however deep its resume state is nested', () => {
  const nested = JSON.parse('{"a":'.repeat(5000) + '1' + '}'.repeat(5000))

  expect(v.is(MonitorReport, { ...REPORT, resume: { nested } })).toBe(true)
})
