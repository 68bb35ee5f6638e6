import { expect, test } from 'vitest'

import { formatTraceparent, parseTraceparent, startSpan } from './trace.ts'

const HEADER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

test('a traceparent that is parsed and formatted again stays the same', () => {
  const trace = parseTraceparent(HEADER)
  expect(trace).toEqual({ traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', flags: '01' })
  expect(trace && formatTraceparent(trace)).toBe(HEADER)
})

test('an invalid traceparent is ignored', () => {
  const wrong = [
    undefined,
    null,
    '',
    'nonsense',
    HEADER.toUpperCase(),
    HEADER.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)),
    HEADER.replace('00f067aa0ba902b7', '0'.repeat(16)),
    `ff${HEADER.slice(2)}`,
    `${HEADER}-what-version-00-does-not-have`,
    `${HEADER}0`,
    `${HEADER}\n${HEADER}`,
  ]
  expect(wrong.map(parseTraceparent)).toEqual(wrong.map(() => null))
})

test('fields that a later version appends are ignored', () => {
  expect(parseTraceparent(`cc${HEADER.slice(2)}-more`)?.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736')
})

test('a child span keeps the trace and its flags, and has an id of its own', () => {
  const parent = parseTraceparent(HEADER.replace(/01$/, '00'))
  const child = startSpan(parent)
  expect(child).toMatchObject({ traceId: parent?.traceId, flags: '00' })
  expect(child.spanId).not.toBe(parent?.spanId)
  expect(parseTraceparent(formatTraceparent(child))).toEqual(child)
})

test('a span without a parent begins a new trace', () => {
  const [one, other] = [startSpan(null), startSpan(null)]
  expect(parseTraceparent(formatTraceparent(one))).toEqual(one)
  expect(one.traceId).not.toBe(other.traceId)
})
