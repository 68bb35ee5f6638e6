import { expect, test } from 'vitest'

import { drawCurve } from './viewer-curve.ts'

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 20, minute)).toISOString()

test('a curve reaches from the first to the last minute, and marks its first peak', () => {
  const curve = drawCurve([
    { minute: at(0), count: 0 },
    { minute: at(1), count: 4 },
    { minute: at(2), count: 4 },
  ])
  expect(curve).toEqual({
    line: '0.0,120.0 300.0,6.0 600.0,6.0',
    area: '0.0,120.0 0.0,120.0 300.0,6.0 600.0,6.0 600.0,120.0',
    peak: { count: 4, minute: at(1), x: 0.5 },
  })
})

test('minutes off the air have no viewers', () => {
  const curve = drawCurve([
    { minute: at(0), count: 2 },
    { minute: at(4), count: 2 },
  ])
  expect(curve?.line).toBe('0.0,6.0 0.0,120.0 600.0,120.0 600.0,6.0')
})

test('a broadcast without viewers has a flat curve, and one of less than two minutes none', () => {
  const flat = drawCurve([
    { minute: at(0), count: 0 },
    { minute: at(1), count: 0 },
  ])
  expect([flat?.line, flat?.peak.count]).toEqual(['0.0,120.0 600.0,120.0', 0])
  expect(drawCurve([{ minute: at(0), count: 3 }])).toBeNull()
})
